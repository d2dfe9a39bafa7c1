"""The moist inner side of the lips: it continues each lip's own colour into the mouth, then rolls out of sight."""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.grid import look_up

LIGHT_BELOW, LIGHT_ABOVE = 0.85, 0.5
"""Brightness as a share of the lip's: the lower lip's inner side lies in the light, the upper one's in the shade."""

SAMPLE_MM = 1.5
"""The lip's colour is read this far inside its edge."""

BLUR_MM = 3.0


def inner_lips(portrait: Portrait, along: Floats) -> tuple[Floats, Floats]:
    """Return YUV [rows, columns, 3] of the upper and the lower lip's inner side at positions along the mouth."""
    lips = portrait.lips
    return (
        _continued(portrait, along, lips.upper, -SAMPLE_MM, LIGHT_ABOVE),
        _continued(portrait, along, lips.lower, SAMPLE_MM, LIGHT_BELOW),
    )


def _continued(portrait: Portrait, along: Floats, edge: Floats, inwards_mm: float, light: float) -> Floats:
    lips, unit = portrait.lips, portrait.px_per_mm
    place = np.dstack(lips.place(lips.along[None], edge[None] + inwards_mm * unit)) - np.float32(0.5)
    spacing = 2 * lips.half_width / (len(lips.along) - 1)
    row = cv2.GaussianBlur(look_up(portrait.yuv, place).astype(np.float32), (0, 0), BLUR_MM * unit / spacing)
    row = row * np.array([light, 1.0, 1.0], dtype=np.float32)
    column = ((along + lips.half_width) / spacing).astype(np.float32)
    return look_up(row, np.dstack([column, np.zeros_like(column)]))
