"""Upper teeth that the photo itself shows: an open smile keeps its own teeth, fixed to the skull, when it speaks.

The mouth is looked at as a strip, a column for each position along it, a row for each step down from the upper lip.
Teeth are what is bright and less red than the lips, from the lip downwards without a break.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.photo.lips import CENTRE, LipLine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.grid import look_up, smoothstep
from device_agent.engine.warp.softness import blur_px

STEP_MM = 0.2
DEPTH_MM = 12.0
"""A front tooth's crown is 9 to 11 mm long; further down are other things."""

EDGE_MARGIN_MM = 0.7
"""Next to the lip the photo mixes lip and tooth."""

SHADOW_MM = 3.0
"""The upper lip's shadow may hide the tops of teeth over this depth."""

BRIGHT_QUANTILE = 0.75
BRIGHT_SHARE = 0.45, 0.70
"""Between these shares of a tooth's brightness a pixel turns from hollow to tooth."""

DIMMEST_TOOTH = 0.45
"""Teeth in the corners are darker than those in the middle, down to this share."""

MIN_SKIN_SHARE = 0.55
"""Darker than this share of the cheek are no teeth, but tongue and hollow."""

MIN_COLOUR_CONTRAST = 4.0
"""Teeth are less red (V of YUV) than lips by at least this, where the photo has colour."""

GAP_BRIDGE_MM = 1.6
"""Dark gaps between teeth, narrower than this, belong to the row."""

MIN_LENGTH_MM, MIN_SEEN = 3.5, 0.6
"""Over this share of the mouth's middle the row must be at least so long, and end above the lower lip."""

LONGEST_SHARE = 0.7
"""What fills more of the opening than this is both rows, or a row whose end the lower lip hides."""

SOFT_MM, SOFT_OF_BLUR = 0.8, 3.0
"""Its end fades over the larger of the first and this multiple of the photo's blur."""

OUTLIER_MM, SMOOTH_MM = 7.0, 1.5
"""The row's end is a smooth curve: a median over the first width, then a blur."""


@dataclass(frozen=True)
class OwnTeeth:
    """The photo's own upper row."""

    tone: Floats
    """YUV [3] of its bright part."""
    length: Floats | None
    """[SAMPLES] how far it reaches below the upper lip's edge, pixels; None where the lower lip hides its end."""


def find_own_teeth(portrait: Portrait, skin: Floats, lip: Floats, dark: Floats) -> OwnTeeth | None:
    """Return the upper teeth between the lips of an open photo, None where it shows none."""
    lips, unit = portrait.lips, portrait.px_per_mm
    if lips.closed:
        return None
    depth = np.arange(EDGE_MARGIN_MM, DEPTH_MM, STEP_MM, dtype=np.float32) * unit
    strip = _strip(portrait, lips.upper[None] + depth[:, None])
    inside = depth[:, None] < (lips.lower - lips.upper)[None] - EDGE_MARGIN_MM * unit
    if not inside[:, CENTRE].any():
        return None
    seen = strip[:, CENTRE][inside[:, CENTRE]]
    bright = seen[seen[:, 0] >= np.quantile(seen[:, 0], BRIGHT_QUANTILE)]
    tone = np.median(bright, axis=0)
    if not _looks_like_teeth(tone, skin, lip, dark):
        return None
    length = _length(_likeness(strip, tone, lip, dark) * inside, depth, lips, unit)
    ends = (length > MIN_LENGTH_MM * unit) & (length < LONGEST_SHARE * (lips.lower - lips.upper))
    seen_whole = float(ends[CENTRE].mean()) >= MIN_SEEN
    return OwnTeeth(tone.astype(np.float32), length if seen_whole else None)


def paint_own_teeth(portrait: Portrait, lengths: Floats, along: Floats, across: Floats) -> tuple[Floats, Floats]:
    """Return the row's YUV [rows, columns, 3] at positions along and across the mouth, and its cover 0..1.

    Behind the lip, where the photo shows nothing of it, the row continues as it begins below the lip.
    """
    lips, unit = portrait.lips, portrait.px_per_mm
    upper = lips.heights(along)[0]
    first = upper + EDGE_MARGIN_MM * unit
    picture = _at(portrait, along, np.maximum(across, first))
    length = np.interp(along, lips.along, lengths, left=0.0, right=0.0)
    soft = max(SOFT_MM * unit, SOFT_OF_BLUR * blur_px(portrait))
    ends = smoothstep((upper + length - across) / soft + 0.5)
    return picture, np.asarray(ends * smoothstep(length / (MIN_LENGTH_MM * unit)), dtype=np.float32)


def _looks_like_teeth(tone: Floats, skin: Floats, lip: Floats, dark: Floats) -> bool:
    if tone[0] - dark[0] < MIN_SKIN_SHARE * (skin[0] - dark[0]):
        return False
    coloured = bool(np.abs(lip[1:] - 128.0).max() > 2 * MIN_COLOUR_CONTRAST)
    return bool(lip[2] - tone[2] > MIN_COLOUR_CONTRAST) if coloured else True


def _likeness(strip: Floats, tone: Floats, lip: Floats, dark: Floats) -> Floats:
    """Return 0..1 per pixel of the strip: bright as the tone, and not red as the lip."""
    brightness = (strip[..., 0] - dark[0]) / max(float(tone[0] - dark[0]), 1.0)
    beside = cv2.GaussianBlur(brightness.max(axis=0)[None], (0, 0), len(brightness) / 10)
    share = brightness / np.clip(beside, DIMMEST_TOOTH, 1.0)
    like = smoothstep((share - BRIGHT_SHARE[0]) / (BRIGHT_SHARE[1] - BRIGHT_SHARE[0]))
    contrast = float(lip[2] - tone[2])
    if contrast > MIN_COLOUR_CONTRAST:
        like = like * smoothstep(2.0 * (lip[2] - strip[..., 2]) / contrast)
    return like


def _length(likeness: Floats, depth: Floats, lips: LipLine, unit: float) -> Floats:
    """Follow the row of each column down from the lip; return its length in pixels [SAMPLES]."""
    spacing = 2 * lips.half_width / (len(lips.along) - 1)
    bridge = max(1, round(GAP_BRIDGE_MM * unit / spacing / 2)) * 2 + 1
    closed = cv2.morphologyEx(likeness.astype(np.float32), cv2.MORPH_CLOSE, np.ones((1, bridge), dtype=np.uint8))
    shadow = round(SHADOW_MM / STEP_MM)
    closed[:shadow] = np.maximum.accumulate(closed[:shadow][::-1], axis=0)[::-1]
    unbroken = np.minimum.accumulate(closed, axis=0).sum(axis=0) * STEP_MM * unit
    length = np.where(unbroken > 0, unbroken + depth[0], 0.0).astype(np.float32)
    width = max(1, round(OUTLIER_MM * unit / spacing / 2))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(length, width), 2 * width + 1)
    smooth = np.median(around, axis=1).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(smooth[None], (0, 0), max(SMOOTH_MM * unit / spacing, 0.5))[0])


def _strip(portrait: Portrait, across: Floats) -> Floats:
    return _at(portrait, np.broadcast_to(portrait.lips.along, across.shape), across)


def _at(portrait: Portrait, along: Floats, across: Floats) -> Floats:
    """Return the photo's YUV at positions along and across the mouth."""
    return look_up(portrait.yuv, np.dstack(portrait.lips.place(along, across)) - np.float32(0.5)).astype(np.float32)
