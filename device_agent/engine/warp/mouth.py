"""What shows between the lips: from back to front the dark of the throat, the tongue, both rows of teeth, and the
moist inner side of the lips.

Colours come from the person's own eyes, skin and lips, so yellowed prints and black-and-white photos get a mouth of
their own tone. Upper teeth are fixed to the skull, lower teeth to the jaw, and the tongue rises
from the jaw to the upper teeth.
"""

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.photo.lips import LipLine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.grid import Box, rise
from device_agent.engine.warp.inner_lip import inner_lips
from device_agent.engine.warp.own_teeth import OwnTeeth, find_own_teeth, paint_own_teeth
from device_agent.engine.warp.rounding import arc_of
from device_agent.engine.warp.softness import blur_px
from device_agent.engine.warp.teeth import SOFT_MM, paint_teeth
from device_agent.engine.warp.tones import GREY, Tones, grain_texture, measure_tones, shades
from device_agent.engine.warp.tongue import Tongue

HOLLOW_SHARE, TONGUE_SHARE = 0.04, 0.52
"""Brightness between the photo's black (0) and the cheek (1)."""

LIP_SHADE_MM, SHADE_UNDER_LIP = 3.5, 0.42
"""The upper lip's shadow: its depth, and the brightness right under the lip as a share of that in the light."""

SLIT_LIGHT, WIDE_MM = 0.55, 8.0
"""Less light falls into a narrow slit: this share, rising to all of it at an opening of WIDE_MM."""

LOWER_TEETH_MM, LOWER_TEETH_HIDDEN_MM = (9.0, 16.0), 3.4
"""Up to the first opening the lower lip hides its teeth by so much; it uncovers them until the second."""

LOWER_TEETH_LIGHT = 0.7
BRIGHTEST_OWN = 1.1
"""The shadow is taken off the photo's own teeth, up to this share of their bright part's brightness."""

INNER_LIP_MM, INNER_LIP_GAP_MM = 1.6, 5.0
"""The inner side of a lip rolls out of sight over this height, where the lips are at least so far apart."""

GRAIN_SHARE = 0.65
"""The grain is measured on cheeks, whose pores are counted with it; teeth have none."""


class MouthInterior:
    """Colours of the hollow for the pixels of one rectangle of the frame."""

    def __init__(self, portrait: Portrait, x: Floats, y: Floats) -> None:
        self._unit = portrait.px_per_mm
        self._soft = 1.0 / max(SOFT_MM, 2 * blur_px(portrait) / self._unit)
        tones = measure_tones(portrait)
        own = find_own_teeth(portrait, tones.skin, tones.lip, tones.dark)
        along, across = portrait.lips.frame(x, y)
        self._dark = float(tones.dark[0])
        self._hollow = _colour(tones, HOLLOW_SHARE, 0.5 * tones.dark + 0.5 * tones.lip, 0.8)
        self._shades = shades(portrait)
        self._tongue_colour = _colour(tones, TONGUE_SHARE, 0.6 * tones.lip + 0.4 * tones.skin, 0.85)
        redness = self._shades[round(float(self._tongue_colour[0])), 1]
        self._tongue_colour[2] = max(self._tongue_colour[2], redness)
        self._tongue = Tongue(along / self._unit)
        self._teeth = own.tone if own else tones.teeth
        self._painted = paint_teeth(portrait, along, across, arc_of(portrait.lips, portrait.lips.upper), own)
        self._upper, self._upper_cover = self._upper_row(portrait, own, along, across)
        self._across_mm = across / np.float32(self._unit)
        self._lip_above, self._lip_below = inner_lips(portrait, along)
        self._grain = grain_texture(portrait, GRAIN_SHARE * tones.grain, x.shape[1], x.shape[0])

    def colours(self, below_upper: Floats, above_lower: Floats, part: Box, tongue: float | None = None) -> Floats:
        """Return YUV [rows, columns, 3] of a part of the rectangle; distances in pixels from the moved lips' edges.

        Beyond an edge, in the lip itself, its distance is negative. ``tongue`` is as ``Gesture`` says.
        """
        here = part.slices
        under, over = below_upper / self._unit, above_lower / self._unit
        apart = under + over
        widest = np.unravel_index(int(apart.argmax()), apart.shape)
        wide = max(float(apart[widest]), 0.0)
        jaw = self._across_mm[here][widest] + over[widest]
        colour = np.empty((*over.shape, 3), dtype=np.float32)
        colour[:] = self._hollow
        cover, light = self._tongue.seen(over, wide, here, tongue)
        self._lay_lit(colour, self._tongue_colour, light, cover)
        self._lay_lower_teeth(colour, jaw - self._across_mm[here], wide, here)
        _lay(colour, self._upper[here], self._upper_cover[here])
        self._shade(colour, self._light(under, wide))
        yellowest = self._shades[np.clip(colour[..., 0], 0, 255).astype(np.uint8), 0]
        np.maximum(colour[..., 1], yellowest, out=colour[..., 1])
        seen = rise(apart / INNER_LIP_GAP_MM)
        _lay(colour, self._lip_below[here], rise(1.0 - over / INNER_LIP_MM) * seen)
        _lay(colour, self._lip_above[here], rise(1.0 - under / INNER_LIP_MM) * seen)
        colour[..., 0] += self._grain[here] * (colour[..., 0] / self._teeth[0])
        return colour

    def _lay_lower_teeth(self, colour: Floats, above_jaw: Floats, wide: float, here: tuple[slice, slice]) -> None:
        """``above_jaw`` is the height above the middle of the lower lip, mm: the lip bends, the jaw does not."""
        shown = (wide - LOWER_TEETH_MM[0]) / (LOWER_TEETH_MM[1] - LOWER_TEETH_MM[0])
        if shown > 0:
            hidden = LOWER_TEETH_HIDDEN_MM * max(1.0 - shown, 0.0)
            cover = rise((self._painted.lower_height[here] - hidden - above_jaw) * self._soft + 0.5)
            self._lay_lit(colour, self._teeth, self._painted.lower_light[here] * LOWER_TEETH_LIGHT, cover)

    def _upper_row(
        self, portrait: Portrait, own: OwnTeeth | None, along: Floats, across: Floats
    ) -> tuple[Floats, Floats]:
        """Return the picture of the upper teeth in full light and its cover: painted, under what the photo shows."""
        picture = np.empty((*along.shape, 3), dtype=np.float32)
        picture[..., 0] = self._dark + (self._teeth[0] - self._dark) * self._painted.upper_light
        picture[..., 1:] = self._teeth[1:]
        if own is None or own.length is None:
            return picture, self._painted.upper_cover
        seen, cover = paint_own_teeth(portrait, own.length, along, across)
        upper, lower = portrait.lips.heights(along)
        light = self._light((across - upper) / self._unit, float((lower - upper).max()) / self._unit)
        brightest = self._dark + BRIGHTEST_OWN * (self._teeth[0] - self._dark)
        unshaded = self._dark + (seen[..., 0] - self._dark) / light
        seen[..., 0] = np.maximum(seen[..., 0], np.minimum(unshaded, brightest))
        _lay(picture, seen, cover)
        return picture, np.maximum(cover, self._painted.upper_cover)

    def _light(self, under: Floats, wide: float) -> Floats:
        """Return the share of light, 0..1, at ``under`` mm below the upper lip in a mouth open by ``wide`` mm."""
        light = SHADE_UNDER_LIP + (1.0 - SHADE_UNDER_LIP) * rise(under / LIP_SHADE_MM)
        return np.asarray(light * (SLIT_LIGHT + (1.0 - SLIT_LIGHT) * min(wide / WIDE_MM, 1.0)))

    def _lay_lit(self, base: Floats, tone: Floats, light: Floats, cover: Floats) -> None:
        """Lay a tone on the picture, dark where there is no light."""
        brightness = self._dark + (tone[0] - self._dark) * light
        base[..., 0] += (brightness - base[..., 0]) * cover
        paler = brightness / np.float32(max(float(tone[0]), 1.0))
        for channel in (1, 2):
            base[..., channel] += (GREY + (tone[channel] - GREY) * paler - base[..., channel]) * cover

    def _shade(self, colour: Floats, light: Floats) -> None:
        """Leave a share of the light: what is darker is as much less colourful, or a shadow would glow."""
        brightness = self._dark + (colour[..., 0] - self._dark) * light
        paler = brightness / np.maximum(colour[..., 0], 1.0)
        colour[..., 0] = brightness
        for channel in (1, 2):
            colour[..., channel] = GREY + (colour[..., channel] - GREY) * paler


def _lay(base: Floats, over: Floats, cover: Floats) -> None:
    base += (over - base) * cover[..., None]


def _colour(tones: Tones, share: float, hue: Floats, saturation: float) -> Floats:
    brightness = tones.dark[0] + max(float(tones.skin[0] - tones.dark[0]), 0.0) * share
    return np.concatenate([[brightness], GREY + (hue[1:] - GREY) * saturation]).astype(np.float32)


def signed_heights(lips: LipLine, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return per pixel how far it lies inside the upper lip and inside the lower lip; negative is beyond the edge.

    Beyond the corners both overlap more and more: the mouth ends there, however the corners move.
    """
    along, across = lips.frame(x, y)
    upper, lower = lips.heights(along)
    beyond = np.maximum(np.abs(along) - lips.half_width, 0.0)
    return upper - across + beyond, across - lower + beyond
