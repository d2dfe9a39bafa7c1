"""What shows between the lips: from back to front the dark of the throat, the tongue, both rows of teeth, and the moist
inner side of the lips.

Colours come from the person's own eyes, skin and lips, so yellowed prints and black-and-white photos get a mouth of
their own tone. Upper teeth are fixed to the skull; tongue and lower teeth move with the jaw.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.photo.lips import LipLine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.grid import Box
from device_agent.engine.warp.own_teeth import OwnTeeth, find_own_teeth, paint_own_teeth
from device_agent.engine.warp.rounding import arc_of
from device_agent.engine.warp.softness import blur_px
from device_agent.engine.warp.teeth import SOFT_MM, paint_teeth
from device_agent.engine.warp.tones import GREY, Tones, grain_texture, measure_tones

HOLLOW_SHARE, TONGUE_SHARE = 0.04, 0.46
"""Brightness between the photo's black (0) and the cheek (1)."""

LIP_SHADE_MM, SHADE_UNDER_LIP = 3.5, 0.42
"""The upper lip's shadow: its depth, and the brightness right under the lip as a share of that in the light."""

SLIT_LIGHT, WIDE_MM = 0.55, 8.0
"""Less light falls into a narrow slit: this share, rising to all of it at an opening of WIDE_MM."""

TONGUE_SHARE_NARROW, TONGUE_SHARE_WIDE = 0.85, 0.40
TONGUE_RAISED_MM, TONGUE_LOW_MM = 4.0, 14.0
"""How much of the opening the tongue fills. Only the opening of a frame is known, not its sound, so this is a rule:
sounds with a raised tongue (L, TH, N, S, I) are spoken with the jaw nearly closed, open vowels with the tongue low."""

TONGUE_HALF_WIDTH_MM, TONGUE_SOFT_MM = 20.0, 5.0
TONGUE_BACK_MM, TONGUE_BACK_LIGHT = 8.0, 0.2
"""The tongue's brightness falls to this share over this height above the lower lip: it leads back into the dark."""

FURROW_MM, FURROW_SHADE = 2.0, 0.12
LOWER_TEETH_MM, LOWER_TEETH_HIDDEN_MM = (9.0, 16.0), 3.4
"""Up to the first opening the lower lip hides its teeth by so much; it uncovers them until the second."""

LOWER_TEETH_LIGHT = 0.7
BRIGHTEST_OWN = 1.1
"""The shadow is taken off the photo's own teeth, up to this share of their bright part's brightness."""

INNER_LIP_MM, INNER_LIP_GAP_MM = 1.6, 5.0
"""The moist inner side of a lip rolls out of sight over this height, where the lips are at least so far apart."""

INNER_LIP_LIGHT, INNER_LIP_SHADE = 0.85, 0.5
"""Its brightness as a share of the lip's: below, in the light, and above, in the shade."""

LIP_SAMPLE_MM = 1.5
"""The lip's colour is read this far inside its edge."""

LIP_BLUR_MM = 3.0


class MouthInterior:
    """Colours of the hollow for the pixels of one rectangle of the frame."""

    def __init__(self, portrait: Portrait, x: Floats, y: Floats) -> None:
        self._unit = portrait.px_per_mm
        self._soft = 1.0 / max(SOFT_MM, 2 * blur_px(portrait) / self._unit)
        tones = measure_tones(portrait)
        own = find_own_teeth(portrait, tones.skin, tones.lip, tones.dark)
        self._teeth = own.tone if own else tones.teeth
        along, across = portrait.lips.frame(x, y)
        self._dark = float(tones.dark[0])
        self._hollow = _colour(tones, HOLLOW_SHARE, 0.5 * tones.dark + 0.5 * tones.lip, 0.8)
        self._tongue = _colour(tones, TONGUE_SHARE, 0.6 * tones.lip + 0.4 * tones.skin, 0.85)
        self._grain = grain_texture(portrait, tones.grain, x.shape[1], x.shape[0])
        self._painted = paint_teeth(portrait, along, across, arc_of(portrait.lips, portrait.lips.upper), own)
        self._upper, self._upper_cover = self._upper_row(portrait, own, along, across)
        beside = along / self._unit
        self._across_mm = across / np.float32(self._unit)
        self._dome = np.sqrt(np.clip(1.0 - np.square(beside / TONGUE_HALF_WIDTH_MM), 0.0, 1.0)).astype(np.float32)
        furrow = 1.0 - FURROW_SHADE * np.exp(-np.square(beside / FURROW_MM))
        self._tongue_light = (furrow * self._dome).astype(np.float32)
        self._lip_above = _lip_colours(portrait, along, portrait.lips.upper, -LIP_SAMPLE_MM, INNER_LIP_SHADE)
        self._lip_below = _lip_colours(portrait, along, portrait.lips.lower, LIP_SAMPLE_MM, INNER_LIP_LIGHT)

    def colours(self, below_upper: Floats, above_lower: Floats, part: Box) -> Floats:
        """Return YUV [rows, columns, 3] of a part of the rectangle; distances in pixels from the moved lips' edges.

        Beyond an edge, in the lip itself, its distance is negative.
        """
        here = part.slices
        under, over = below_upper / self._unit, above_lower / self._unit
        apart = under + over
        widest = np.unravel_index(int(apart.argmax()), apart.shape)
        wide = max(float(apart[widest]), 0.0)
        colour = self._throat_and_tongue(over, wide, here)
        jaw = self._across_mm[here][widest] + over[widest]
        self._lay_teeth(colour, jaw - self._across_mm[here], wide, here)
        self._darken(colour, self._light(under, wide))
        apart = _rise(apart / INNER_LIP_GAP_MM)
        _lay(colour, self._lip_below[here], _rise(1.0 - over / INNER_LIP_MM) * apart)
        _lay(colour, self._lip_above[here], _rise(1.0 - under / INNER_LIP_MM) * apart)
        colour[..., 0] += self._grain[here] * (colour[..., 0] / self._teeth[0])
        return colour

    def _throat_and_tongue(self, over: Floats, wide: float, here: tuple[slice, slice]) -> Floats:
        raised = 1.0 - _rise((wide - TONGUE_RAISED_MM) / (TONGUE_LOW_MM - TONGUE_RAISED_MM))
        top = wide * (TONGUE_SHARE_WIDE + (TONGUE_SHARE_NARROW - TONGUE_SHARE_WIDE) * raised)
        cover = _rise((top * self._dome[here] - over) / TONGUE_SOFT_MM + 0.5)
        lit = (1.0 - (1.0 - TONGUE_BACK_LIGHT) * _rise(over / TONGUE_BACK_MM)) * self._tongue_light[here]
        colour = np.empty((*over.shape, 3), dtype=np.float32)
        colour[..., 0] = (
            self._hollow[0] + (self._dark + (self._tongue[0] - self._dark) * lit - self._hollow[0]) * cover
        )
        for channel in (1, 2):
            colour[..., channel] = self._hollow[channel] + (self._tongue[channel] - self._hollow[channel]) * cover
        return colour

    def _lay_teeth(self, colour: Floats, above_jaw: Floats, wide: float, here: tuple[slice, slice]) -> None:
        """``above_jaw`` is the height above the middle of the lower lip, mm: the lip bends, the jaw does not."""
        painted = self._painted
        shown = (wide - LOWER_TEETH_MM[0]) / (LOWER_TEETH_MM[1] - LOWER_TEETH_MM[0])
        if shown > 0:
            hidden = LOWER_TEETH_HIDDEN_MM * max(1.0 - shown, 0.0)
            cover = _rise((painted.lower_height[here] - hidden - above_jaw) * self._soft + 0.5)
            self._lay_enamel(colour, painted.lower_light[here] * LOWER_TEETH_LIGHT, cover)
        _lay(colour, self._upper[here], self._upper_cover[here])

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
        light = SHADE_UNDER_LIP + (1.0 - SHADE_UNDER_LIP) * _rise(under / LIP_SHADE_MM)
        return np.asarray(light * (SLIT_LIGHT + (1.0 - SLIT_LIGHT) * _rise(wide / WIDE_MM)))

    def _lay_enamel(self, colour: Floats, light: Floats, cover: Floats) -> None:
        colour[..., 0] += (self._dark + (self._teeth[0] - self._dark) * light - colour[..., 0]) * cover
        for channel in (1, 2):
            colour[..., channel] += (self._teeth[channel] - colour[..., channel]) * cover

    def _darken(self, colour: Floats, light: Floats) -> None:
        colour[..., 0] -= (colour[..., 0] - self._dark) * (1.0 - light)


def _rise(value: Floats | float) -> Floats:
    return np.clip(value, 0.0, 1.0)


def _lay(base: Floats, over: Floats, cover: Floats) -> None:
    base += (over - base) * cover[..., None]


def _colour(tones: Tones, share: float, hue: Floats, saturation: float) -> Floats:
    brightness = tones.dark[0] + max(float(tones.skin[0] - tones.dark[0]), 0.0) * share
    return np.concatenate([[brightness], GREY + (hue[1:] - GREY) * saturation]).astype(np.float32)


def _lip_colours(portrait: Portrait, along: Floats, edge: Floats, inwards_mm: float, light: float) -> Floats:
    """Return YUV [rows, columns, 3]: at each position along the mouth the colour of the lip beside it, shaded."""
    lips, unit = portrait.lips, portrait.px_per_mm
    across = edge + inwards_mm * unit
    x = lips.centre[0] + lips.along * lips.axis[0] - across * lips.axis[1] - 0.5
    y = lips.centre[1] + lips.along * lips.axis[1] + across * lips.axis[0] - 0.5
    row = cv2.remap(portrait.yuv, x[None].astype(np.float32), y[None].astype(np.float32), cv2.INTER_LINEAR)
    spacing = 2 * lips.half_width / (len(lips.along) - 1)
    row = cv2.GaussianBlur(row.astype(np.float32), (0, 0), LIP_BLUR_MM * unit / spacing)
    row[..., 0] *= light
    place = (along + lips.half_width) / spacing
    return np.asarray(
        cv2.remap(row, place.astype(np.float32), np.zeros_like(place, dtype=np.float32), cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_REPLICATE)
    )  # fmt: skip


def signed_heights(lips: LipLine, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return per pixel how far it lies inside the upper lip and inside the lower lip; negative is beyond the edge.

    Beyond the corners both overlap more and more: the mouth ends there, however the corners move.
    """
    along, across = lips.frame(x, y)
    upper, lower = lips.heights(along)
    beyond = np.maximum(np.abs(along) - lips.half_width, 0.0)
    return upper - across + beyond, across - lower + beyond
