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
from device_agent.engine.warp.rounding import arc_of
from device_agent.engine.warp.tones import Tones, grain_texture, measure_tones

GREY = 128.0
HOLLOW_SHARE, TEETH_SHARE, TONGUE_SHARE = 0.04, 0.86, 0.34
"""Brightness between the photo's black (0) and the cheek (1)."""

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
GAP_DARKNESS, GAP_MM, GAP_NOTCH_MM = 0.10, 0.8, 0.2


class MouthInterior:
    """Colours of the hollow for the pixels of one rectangle of the frame."""

    def __init__(self, portrait: Portrait, x: Floats, y: Floats) -> None:
        self._unit = portrait.px_per_mm
        tones = measure_tones(portrait)
        along, across = portrait.lips.frame(x, y)
        side = np.abs(along) / portrait.lips.half_width
        upper = np.interp(along, portrait.lips.along, arc_of(portrait.lips, portrait.lips.upper))
        self._dark = float(tones.dark[0])
        self._hollow = _colour(tones, HOLLOW_SHARE, 0.5 * tones.dark + 0.5 * tones.lip, 0.8)
        self._tongue = _colour(tones, TONGUE_SHARE, tones.lip, 0.8)
        self._teeth = _colour(tones, TEETH_SHARE, tones.skin, 0.55)
        self._grain = grain_texture(portrait, tones.grain, x.shape[1], x.shape[0])
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
        out = self._with_teeth(colour, part, light * self._corner_shade[part.slices])
        out[..., 0] += self._grain[part.slices]
        return out

    def _with_teeth(self, colour: Floats, part: Box, light: Floats) -> Floats:
        cover = self._teeth_cover[part.slices]
        lit = self._dark + (self._teeth[0] - self._dark) * light
        colour[..., 0] += (lit - colour[..., 0]) * cover
        colour[..., 1:] += (self._teeth[1:] - colour[..., 1:]) * cover[..., None]
        return colour


def _mix(base: Floats, over: Floats, cover: Floats) -> Floats:
    return np.asarray(base + (over - base) * cover[..., None], dtype=np.float32)


def _colour(tones: Tones, share: float, hue: Floats, saturation: float) -> Floats:
    brightness = tones.dark[0] + max(float(tones.skin[0] - tones.dark[0]), 0.0) * share
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


def signed_heights(lips: LipLine, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return per pixel how far it lies inside the upper lip and inside the lower lip; negative is beyond the edge."""
    along, across = lips.frame(x, y)
    upper, lower = lips.heights(along)
    return upper - across, across - lower
