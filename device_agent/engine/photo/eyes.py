"""Where the lids' edges run in the photo, and whether these eyes can blink.

Each eye has a frame of its own: ``along`` runs from the corner at the picture's left to the other, ``across`` down.
"""

from dataclasses import dataclass

import numpy as np

from device_agent.engine import canonical
from device_agent.engine.arrays import Floats

UPPER_LIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (362, 398, 384, 385, 386, 387, 388, 466, 263))
LOWER_LIDS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (362, 382, 381, 380, 374, 373, 390, 249, 263))
BROWS = ((46, 53, 52, 65, 55), (285, 295, 282, 283, 276))
"""Both eyes of the mesh, the person's right one first; brows by their lower edge."""

SAMPLES = 33
OUTWARDS_MM = 0.5
"""The mesh runs inside the lashes: so far outwards the skin begins."""

CORNER_ROOM = 1.08
"""The lids' edges run on a little beyond the corners of the mesh: lashes there go down with the lid."""

MIN_WIDTH_PX = 14.0
MIN_OPENING_PX = 3.0
MIN_OPENING_SHARE = 0.15
"""Of the eye's width; narrower eyes are closed in the photo or squint."""

MAX_YAW_DEGREES = 30.0
"""Beyond this, mesh and iris model miss the corners of the eyes by an eighth of their width, and white stays open."""

HIDDEN_SHARE = 0.45
"""An eye that is narrower than this share of the other is turned away; the other one blinks alone."""

LID_SHARE, LID_MM = 0.6, (5.0, 12.0)
"""Skin that stretches when the eye closes: this share of the way to the brow, within limits."""

LID_OF_OPENING = 0.7
"""At least this share of the eye's opening stretches: no skin is drawn out more than that allows."""


@dataclass(frozen=True)
class EyeLine:
    """The edges of one eye's lids in picture pixels."""

    centre: Floats
    axis: Floats
    half_width: float
    along: Floats
    """[SAMPLES] positions from corner to corner."""
    upper: Floats
    """[SAMPLES] height of the upper lid's edge, down is positive."""
    lower: Floats
    lid: float
    """Height of the skin above the upper edge that stretches."""

    @property
    def opening(self) -> float:
        """How far the lids are apart in the middle."""
        return float((self.lower - self.upper).max())

    def frame(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return (along, across) of picture positions."""
        dx, dy = x - self.centre[0], y - self.centre[1]
        return dx * self.axis[0] + dy * self.axis[1], dy * self.axis[0] - dx * self.axis[1]


def find_eyes(landmarks: Floats, lids: Floats, to_canvas: canonical.Similarity) -> tuple[tuple[EyeLine, ...], str]:
    """Return the eyes that can blink, and why they cannot (empty when they can).

    ``lids`` [eye, lid, 9, 3] are the lids as the iris model sees them. Both eyes blink or none, but for one that is
    turned away.
    """
    px_per_mm, yaw = to_canvas.scale, canonical.yaw_degrees(to_canvas)
    if abs(yaw) > MAX_YAW_DEGREES:
        return (), f"the head is turned by {abs(yaw):.0f} degrees, the lids' corners are uncertain; it does not blink"
    eyes = [_measure(landmarks, lids[side, ..., :2], side, px_per_mm) for side in (0, 1)]
    widest = max(eye.half_width for eye in eyes)
    seen = tuple(eye for eye in eyes if eye.half_width >= HIDDEN_SHARE * widest)
    for eye in seen:
        pad = 2 * OUTWARDS_MM * px_per_mm
        if 2 * eye.half_width < MIN_WIDTH_PX or (eye.opening - pad < MIN_OPENING_PX and eye.half_width * 2 < 40):
            return (), "the eyes are too small in this photo to blink; the portrait does not blink"
        if eye.opening - pad < MIN_OPENING_SHARE * 2 * eye.half_width:
            return (), "the eyes are closed or nearly closed in this photo; the portrait does not blink"
    return seen, ""


def _measure(landmarks: Floats, lids: Floats, side: int, px_per_mm: float) -> EyeLine:
    """Take the wider of mesh and iris model: what belongs to the eye must not be stretched with the lid."""
    upper, lower = landmarks[list(UPPER_LIDS[side]), :2], landmarks[list(LOWER_LIDS[side]), :2]
    span = upper[-1] - upper[0]
    inner_half = max(float(np.linalg.norm(span)) / 2, 1e-3)
    half = inner_half * CORNER_ROOM
    along = np.linspace(-half, half, SAMPLES, dtype=np.float32)
    line = EyeLine((upper[0] + upper[-1]) / 2, span / (2 * inner_half), half, along, along, along, 0.0)
    round_end = np.sqrt(np.clip(1.0 - np.square(along / half), 0.0, None)) * OUTWARDS_MM * px_per_mm
    high = np.minimum(_heights(line, upper), _heights(line, lids[0])) - round_end
    low = np.maximum(np.maximum(_heights(line, lower), _heights(line, lids[1])) + round_end, high)
    _, brow = line.frame(*landmarks[list(BROWS[side]), :2].T)
    to_brow = float(high.min()) - float(np.median(brow))
    lid = min(max(LID_SHARE * to_brow, LID_MM[0] * px_per_mm), LID_MM[1] * px_per_mm)
    lid = max(lid, LID_OF_OPENING * float((low - high).max()))
    return EyeLine(line.centre, line.axis, half, along, high.astype(np.float32), low.astype(np.float32), lid)


def _heights(line: EyeLine, points: Floats) -> Floats:
    """Carry a contour of nine points to the samples by a smooth curve that meets both corners."""
    along, across = line.frame(points[:, 0], points[:, 1])
    place = np.clip(along / line.half_width, -1.0, 1.0)
    room = 1.0 - np.square(place)
    shapes = np.stack([room * place**degree for degree in range(4)], axis=1)
    weights, *_ = np.linalg.lstsq(shapes, across, rcond=None)
    at = line.along / line.half_width
    return np.asarray(np.stack([(1 - at * at) * at**degree for degree in range(4)], axis=1) @ weights)
