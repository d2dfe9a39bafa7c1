"""What shows between the lips: a dark, warm hollow with the edge of the upper teeth and the tongue in the shade.

Colours come from the person's own skin and lips, so yellowed prints and black-and-white photos get a mouth of their
own tone. Upper teeth are fixed to the skull, the tongue moves with the jaw.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.photo.lips import LipLine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.grid import Box, smoothstep

BLACK, GREY = 16.0, 128.0
HOLLOW_SHARE, TEETH_SHARE, TONGUE_SHARE = 0.07, 0.86, 0.36
"""Brightness as a share of the cheek's."""

TEETH_BELOW_LIP_MM = 1.4
"""How far the upper front teeth reach below the upper lip at rest."""

TEETH_SOFT_MM = 0.7
LIP_SHADE_MM = 4.0
"""Depth of the shadow that the upper lip throws."""

SHADE_UNDER_LIP = 0.38
"""Brightness right under the upper lip, as a share of that in the light."""

SLIT_LIGHT, WIDE_MM = 0.6, 8.0
"""Less light falls into a narrow slit: this share, rising to all of it at an opening of WIDE_MM."""

TONGUE_LOW_MM, TONGUE_HIGH_MM = 0.5, 9.0
TONGUE_CLEAR_MM = 4.0, 7.0
"""The tongue begins this far below the upper lip and is fully seen this much further down."""

TONGUE_BLUR_MM = 7.0
"""The tongue is rounder than the lip in front of it."""

TOOTH_GAPS_MM = (0.0, 8.4, 14.8, 21.8)
GAP_DARKNESS, GAP_MM, GAP_NOTCH_MM = 0.11, 0.7, 0.5
CHEEK_POINTS = (50, 280, 101, 330, 205, 425)
LOWER_LIP_POINTS = (17, 84, 314, 15, 86, 316)


class MouthInterior:
    """Colours of the hollow for the pixels of one rectangle of the frame."""

    def __init__(self, portrait: Portrait, x: Floats, y: Floats) -> None:
        self._unit = portrait.px_per_mm
        skin = _tone(portrait, CHEEK_POINTS)
        lip = _tone(portrait, LOWER_LIP_POINTS)
        along, across = portrait.lips.frame(x, y)
        side = np.abs(along) / portrait.lips.half_width
        upper, _ = portrait.lips.heights(along)
        self._hollow = _colour(HOLLOW_SHARE, skin, 0.5 * skin + 0.5 * lip, 0.45)
        self._tongue = _colour(TONGUE_SHARE, skin, lip, 0.8)
        self._teeth = _colour(TEETH_SHARE, skin, skin, 0.55)
        self._teeth_cover = _teeth_cover(along / self._unit, (across - upper) / self._unit, side)
        self._tongue_side = 1.0 - smoothstep((side - 0.25) / 0.6)
        self._corner_shade = 1.0 - 0.75 * smoothstep((side - 0.1) / 0.8)

    def colours(self, below_upper: Floats, above_lower: Floats, part: Box) -> Floats:
        """Return YUV [rows, columns, 3] of a part of the rectangle; distances in pixels from the moved lip edges."""
        under = below_upper / self._unit
        width = max(1, round(TONGUE_BLUR_MM * self._unit))
        over = cv2.blur(above_lower, (width, max(1, width // 3))) / self._unit
        tongue = self._tongue_side[part.slices] * smoothstep(
            (TONGUE_HIGH_MM - over) / (TONGUE_HIGH_MM - TONGUE_LOW_MM)
        )
        tongue *= smoothstep((under - TONGUE_CLEAR_MM[0]) / TONGUE_CLEAR_MM[1])
        light = SHADE_UNDER_LIP + (1.0 - SHADE_UNDER_LIP) * smoothstep(under / LIP_SHADE_MM)
        light *= SLIT_LIGHT + (1.0 - SLIT_LIGHT) * smoothstep((under + over) / WIDE_MM)
        colour = _mix(self._hollow, self._tongue, tongue)
        return _shaded(colour, self._teeth, self._teeth_cover[part.slices], light * self._corner_shade[part.slices])


def _shaded(colour: Floats, teeth: Floats, cover: Floats, bright: Floats) -> Floats:
    lit = BLACK + (teeth[0] - BLACK) * bright
    out = colour.copy()
    out[..., 0] += (lit - out[..., 0]) * cover
    out[..., 1:] += (teeth[1:] - out[..., 1:]) * cover[..., None]
    return out


def _mix(base: Floats, over: Floats, cover: Floats) -> Floats:
    return np.asarray(base + (over - base) * cover[..., None], dtype=np.float32)


def _colour(share: float, skin: Floats, hue: Floats, saturation: float) -> Floats:
    brightness = BLACK + (skin[0] - BLACK) * share
    return np.concatenate([[brightness], GREY + (hue[1:] - GREY) * saturation]).astype(np.float32)


def _teeth_cover(along_mm: Floats, below_mm: Floats, side: Floats) -> Floats:
    """How far each pixel is upper teeth, 0..1: an arch that ends below the lip and fades to the corners."""
    between = np.exp(
        -np.square(np.minimum.reduce([np.abs(np.abs(along_mm) - gap) for gap in TOOTH_GAPS_MM]) / GAP_MM)
    )
    edge = TEETH_BELOW_LIP_MM * (1.0 - 0.9 * side * side) - GAP_NOTCH_MM * between
    cover = 1.0 - smoothstep((below_mm - edge) / TEETH_SOFT_MM + 0.5)
    cover = cover * (1.0 - smoothstep((side - 0.40) / 0.45))
    return np.asarray(cover * (1.0 - GAP_DARKNESS * between), dtype=np.float32)


def _tone(portrait: Portrait, points: tuple[int, ...]) -> Floats:
    """Median colour around landmarks, YUV."""
    radius = max(1, round(1.5 * portrait.px_per_mm))
    rows, columns = portrait.yuv.shape[:2]
    samples = []
    for x, y in portrait.landmarks[list(points), :2]:
        left, top = int(np.clip(x, 0, columns - 1)), int(np.clip(y, 0, rows - 1))
        patch = portrait.yuv[max(0, top - radius) : top + radius + 1, max(0, left - radius) : left + radius + 1]
        samples.append(patch.reshape(-1, 3))
    return np.asarray(np.median(np.concatenate(samples), axis=0), dtype=np.float32)


def signed_heights(lips: LipLine, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return per pixel how far it lies inside the upper lip and inside the lower lip; negative is beyond the edge."""
    along, across = lips.frame(x, y)
    upper, lower = lips.heights(along)
    return upper - across, across - lower
