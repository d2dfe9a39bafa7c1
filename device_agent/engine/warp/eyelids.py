"""Closes an eye of the photo: the upper lid's edge moves down along the eye, its skin stretches, the lower lid rises.

The lid's skin is the photo's own. Between brow and edge it is stretched without a crease at either end; the eye
underneath stays where it is and is covered.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.photo.eyes import EyeLine
from device_agent.engine.warp.grid import BOX_UNIT, Box, look_up, smoothstep

EDGE_PX = 1.4
LOWER_SHARE = 0.12
"""The lower lid's part of the way."""

LOWER_REACH_MM = 6.0
LASH_MM = 0.55
LASH_DARKNESS = 0.45
"""Of the way from the lid's tone to the darkest of the eye: the line of the lashes."""

ROLLED_SHARE = 0.18
"""Lashes and whatever else lies on the edge of the open lid are rolled under: this share of the way it comes down."""

SOFT_MM = 1.1
"""Stretched skin is taken from the photo without its finest grain, which would be drawn into streaks."""

STRAY_SPREADS, STRAY_LEAST = 1.8, 6.0
"""Stretched skin keeps to the lid's median tone within this multiple of its way to the lower quartile, as reflections
only add light, or so many steps; else the edge of glasses and the lights in them would be drawn down over the eye."""

SKIN_OF_LID = 0.25, 0.75
"""Heights between the open eye (0) and the brow (1) where most is skin: below are lashes, above may be a rim."""

RIM_SPREADS, RIM_STEPS, RIM_MM = 3.0, 10.0, 0.8
"""The rim of glasses is darker than the lid's skin by this multiple of the skin's way to its lower quartile, surely
so many steps further down; lashes and hair are thinner than this."""

RIM_ABOVE = 0.4, 0.6
"""A rim is looked for from this height of the lid on, and believed from the second on; it stays where it is."""

MARGIN_MM = 5.0
"""Room for the head's own movement."""


class Eyelids:
    """One eye; positions are pixels of the warp's box."""

    def __init__(self, eye: EyeLine, photo: Pixels, box: Box, px_per_mm: float) -> None:
        self._eye, self._photo, self._unit = eye, photo, px_per_mm
        self._origin = np.array([box.left + 0.5, box.top + 0.5], dtype=np.float32)
        self.box = _eye_box(eye, box, MARGIN_MM * px_per_mm, LOWER_REACH_MM * px_per_mm)
        self._soft = cv2.GaussianBlur(self._skin_alone(), (0, 0), max(SOFT_MM * px_per_mm, 0.3))
        self._rim = self._find_rim()
        self._lash = LASH_DARKNESS * self._contrast()

    def _skin_alone(self) -> Pixels:
        """Return the photo with what is no lid's skin brought near its tones: a reflection stays on the glass."""
        lower, tone = np.quantile(self._lid_between(0.0, 1.0), (0.25, 0.5), axis=0)
        stray = np.maximum(STRAY_SPREADS * (tone - lower), STRAY_LEAST)
        low, high = np.clip([tone - stray, tone + stray], 0, 255).astype(np.uint8)
        return np.clip(self._photo, low, high)

    def _lid_between(self, low: float, high: float) -> Floats:
        """Return YUV [pixels, 3] of the open eye's lid between two of its heights, 0..1."""
        eye = self._eye
        height = eye.lid * np.linspace(low, high, len(eye.along), dtype=np.float32)[:, None]
        across = eye.upper[None] - height
        x = eye.centre[0] + eye.along * eye.axis[0] - across * eye.axis[1] - self._origin[0]
        y = eye.centre[1] + eye.along * eye.axis[1] + across * eye.axis[0] - self._origin[1]
        return look_up(self._photo, np.dstack([x, y]).astype(np.float32)).reshape(-1, 3).astype(np.float32)

    def _find_rim(self) -> Floats:
        """Return 0..1 per pixel of the warp's box: how surely it is too dark for a lid and too thick for a lash."""
        lower, tone = np.quantile(self._lid_between(*SKIN_OF_LID)[:, 0], (0.25, 0.5))
        darkest_skin = tone - max(RIM_SPREADS * (tone - lower), STRAY_LEAST)
        dark = smoothstep((darkest_skin - self._photo[..., 0].astype(np.float32)) / RIM_STEPS)
        width = max(2, round(RIM_MM * self._unit))
        thick = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((width, width), dtype=np.uint8))
        return np.asarray(cv2.GaussianBlur(thick, (0, 0), EDGE_PX / 2))

    def _contrast(self) -> float:
        """Return how much darker the eye's darkest is than the skin above it."""
        brightness = self._photo[self.box.slices][..., 0].astype(np.float32)
        return float(np.median(brightness) - np.percentile(brightness, 3)) if brightness.size else 0.0

    def draw(self, place: Floats, closed: float) -> Floats:
        """Return YUV [rows, columns, 3] at the photo positions ``place`` [rows, columns, 2], the eye shut by 0..1."""
        eye = self._eye
        x, y = place[..., 0] + self._origin[0], place[..., 1] + self._origin[1]
        along, across = (np.asarray(value, dtype=np.float32) for value in eye.frame(x, y))
        upper = np.interp(along, eye.along, eye.upper).astype(np.float32)
        lower = np.interp(along, eye.along, eye.lower).astype(np.float32)
        rise = np.float32(LOWER_SHARE * closed) * (lower - upper)
        fall = np.float32(closed) * (lower - upper) * np.float32(1.0 - LOWER_SHARE)
        above = upper + fall - across
        skin = self._shifted(place, upper - self._unstretched(above, fall) - across)
        lid = self._lid(skin, above, fall)
        reach = smoothstep(1.0 - (across - (lower - rise)) / np.float32(LOWER_REACH_MM * self._unit))
        below = look_up(self._photo, self._shifted(place, rise * reach)).astype(np.float32)
        below_cover = np.clip((across - (lower - rise)) / EDGE_PX + 0.5, 0.0, 1.0)[..., None]
        still = look_up(self._photo, place).astype(np.float32)
        under = still + (below - still) * below_cover
        cover = np.clip(above / EDGE_PX + 0.5, 0.0, 1.0)[..., None]
        mixed = under + (lid - under) * cover
        line = np.exp(-np.square(above / np.float32(LASH_MM * self._unit))) * (fall / max(self._eye.opening, 1.0))
        mixed[..., 0] -= np.float32(self._lash) * np.clip(line, 0.0, 1.0)
        height = (upper - across) / np.float32(self._eye.lid)
        rim = look_up(self._rim, place) * smoothstep((height - RIM_ABOVE[0]) / (RIM_ABOVE[1] - RIM_ABOVE[0]))
        mixed += (still - mixed) * rim[..., None]
        return np.asarray(mixed, dtype=np.float32)

    def _lid(self, skin: Floats, above: Floats, fall: Floats) -> Floats:
        """Return the lid's skin: soft where it is stretched, the photo itself where it is not."""
        stretched = smoothstep(fall / np.float32(2.0 * self._unit)) * smoothstep(
            3.0 * (1.0 - above / np.float32(self._eye.lid + self._eye.opening))
        )
        sharp, soft = (look_up(picture, skin).astype(np.float32) for picture in (self._photo, self._soft))
        return np.asarray(sharp + (soft - sharp) * stretched[..., None], dtype=np.float32)

    def _unstretched(self, above: Floats, fall: Floats) -> Floats:
        """Return how far above the open eye's edge the skin lay that now lies ``above`` the moved one.

        A cubic: even at the edge, and without a corner where the skin no longer moves.
        """
        lid = np.float32(self._eye.lid)
        rolled = np.float32(ROLLED_SHARE) * fall
        share = np.clip(above / (lid + fall), 0.0, 1.0)
        end = (lid + fall) / (lid - rolled)
        curve = share * (1.0 + share * ((1.0 - end) + share * (end - 1.0)))
        skin = rolled + (lid - rolled) * curve
        return np.asarray(np.where(above > lid + fall, above - fall, skin), dtype=np.float32)

    def _shifted(self, place: Floats, across: Floats) -> Floats:
        axis = self._eye.axis
        moved = np.dstack([place[..., 0] - across * axis[1], place[..., 1] + across * axis[0]])
        return np.asarray(moved, dtype=np.float32)


def put(pixels: Pixels, luma: Pixels, chroma: Pixels, box: Box) -> None:
    """Write the YUV [rows, columns, 3] of ``box`` into the planes."""
    luma[box.slices] = pixels[..., 0]
    half = box.halved
    chroma[half.slices] = cv2.resize(pixels[..., 1:], (half.width, half.height), interpolation=cv2.INTER_AREA)


def _eye_box(eye: EyeLine, box: Box, margin: float, below: float) -> Box:
    """The rectangle of whole cells, relative to ``box``, in which the lids move."""
    normal = np.array([-eye.axis[1], eye.axis[0]])
    beside = eye.half_width + margin
    high, low = float(eye.upper.min()) - eye.lid - margin, float(eye.lower.max()) + below + margin
    corners = np.array([eye.centre + a * eye.axis + b * normal for a in (-beside, beside) for b in (high, low)])
    corners -= np.array([box.left, box.top])
    first = np.maximum(corners.min(axis=0) // BOX_UNIT * BOX_UNIT, 0)
    last = np.minimum(-(-corners.max(axis=0) // BOX_UNIT) * BOX_UNIT, np.array([box.width, box.height]))
    width, height = np.maximum(last - first, 0)
    return Box(int(first[0]), int(first[1]), int(width), int(height))
