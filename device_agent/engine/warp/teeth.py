"""Both rows of teeth as pictures: what they cover, and how bright they are when the light falls on them.

The upper row is a still picture, fixed to the skull; the lower row is drawn at a height above the lower lip, as the
jaw carries it. Neighbouring teeth are told apart by soft gaps; teeth further back stand in the shade.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.canonical import UPPER_LIP_CENTRE
from device_agent.engine.photo.lips import CENTRE
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.dentition import LOWER, UPPER, SeenRow, see_row
from device_agent.engine.warp.grid import smoothstep
from device_agent.engine.warp.own_teeth import OwnTeeth
from device_agent.engine.warp.softness import blur_px

UPPER_BELOW_LIP_MM = 2.0
"""The upper front teeth show this much below a resting lip (Vig and Brundo, J Prosthet Dent 39, 1978: 1 to 4 mm)."""

SMILE_BELOW_LIP_MM = 7.0
"""A smile uncovers no more of them."""

LOWER_ABOVE_LIP_MM = 2.4
"""The lower front teeth end this far above the lower lip."""

SOFT_MM, SOFT_PX = 0.4, 1.2
"""Softness of an edge: the larger of both."""

GAP_MM, GAP_DARKNESS = 0.4, 0.34
BULGE_SHADE = 0.16
"""A tooth is rounded: its sides are darker than its middle by this share."""

EDGE_GLASS_MM, EDGE_GLASS_SHADE = 1.3, 0.12
"""The last millimetre of a front tooth lets the dark behind it shine through."""

SHADE_DEPTH_MM = 14.0
"""Brightness falls to a third over this distance backwards along the arch."""

CORNER_FADE = 0.55, 0.40
"""From this share of half the mouth's width outwards, over this share, the cheek's shadow swallows the teeth."""


@dataclass(frozen=True)
class Teeth:
    """Both rows for the pixels of one rectangle, [rows, columns] each."""

    upper_cover: Floats
    upper_light: Floats
    """Brightness as a share of that of a tooth in full light."""
    lower_height: Floats
    """How far above the middle of the lower lip's edge the lower teeth end, mm."""
    lower_light: Floats


def paint_teeth(portrait: Portrait, along: Floats, across: Floats, lip: Floats, own: OwnTeeth | None) -> Teeth:
    """Paint both rows at positions (pixels) along and across the mouth.

    ``lip`` is the upper lip's edge in the photo, ``own`` are the teeth that it shows.
    """
    unit = portrait.px_per_mm
    middle = len(portrait.lips.along) // 2
    level = float(np.median(lip[middle - 4 : middle + 5]))
    along_mm = (along - _midline(portrait)) / unit
    fade = 1.0 - smoothstep((np.abs(along) / portrait.lips.half_width - CORNER_FADE[0]) / CORNER_FADE[1])
    soft = max(SOFT_MM, SOFT_PX / unit)
    upper, lower = see_row(UPPER, portrait, along_mm), see_row(LOWER, portrait, along_mm)
    below = (across - level) / unit - upper.drop
    to_edge = _display_mm(portrait, own) - upper.short - below
    light = _shape(upper) * (1.0 - EDGE_GLASS_SHADE * smoothstep(1.0 - to_edge / EDGE_GLASS_MM))
    blur = blur_px(portrait)
    return Teeth(
        upper_cover=_soften(fade * smoothstep(to_edge / soft + 0.5), blur),
        upper_light=_soften(light, blur),
        lower_height=_soften(LOWER_ABOVE_LIP_MM - lower.short - lower.drop, blur),
        lower_light=_soften(_shape(lower) * fade, blur),
    )


def _display_mm(portrait: Portrait, own: OwnTeeth | None) -> float:
    """How far the front teeth reach below the upper lip of the photo; a smile has raised the lip."""
    if own is None:
        return UPPER_BELOW_LIP_MM
    if own.length is not None:
        return float(np.median(own.length[CENTRE])) / portrait.px_per_mm
    return float(np.clip(portrait.rest_opening_mm, UPPER_BELOW_LIP_MM, SMILE_BELOW_LIP_MM))


def _midline(portrait: Portrait) -> float:
    """Where the middle of the upper lip lies along the mouth."""
    middle = portrait.landmarks[UPPER_LIP_CENTRE : UPPER_LIP_CENTRE + 1]
    return float(portrait.lips.frame(middle[:, 0], middle[:, 1])[0][0])


def _shape(row: SeenRow) -> Floats:
    """Brightness of a row of rounded teeth with soft gaps, darker towards the back."""
    to_end = (1.0 - np.abs(row.within)) * row.half_width
    gap = GAP_DARKNESS * np.exp(-np.square(to_end / GAP_MM))
    bulge = 1.0 - BULGE_SHADE * row.within * row.within
    return np.asarray((1.0 - gap) * bulge * np.exp(-row.back / SHADE_DEPTH_MM), dtype=np.float32)


def _soften(picture: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), sigma))
