"""Holds the head a little differently: a smooth field that turns it about the neck and fades out around it.

The head is an ellipsoid, so that a nod moves the nose further than the ears; the picture beyond its neighbourhood
stays as it is.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.life.schedule import BREATH_MM, MAX_DEGREES, Pose
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.grid import BOX_UNIT, STEP, Box, smoothstep

CENTRE_MM = (0.0, 5.0, 75.0)
"""Middle of the head in canonical millimetres, between the ears."""

HALF_MM = (88.0, 128.0, 95.0)
"""Half width, height and depth of a head with its hair."""

PIVOT_DOWN_MM = 105.0
"""The neck's joint, below the middle of the head."""

REACH = 1.75
"""The field ends at this multiple of the head's half width and height."""

BORDER_MM = 36.0
"""Towards the photo's own edges the field fades over this distance, so that no edge is seen to move."""


SPARSE = 8
"""Every so many nodes tell how far two poses lie apart."""


def head_box(portrait: Portrait, inner: Box) -> Box:
    """Return the rectangle that the field covers: around ``inner`` in whole pairs of cells, within the photo."""
    unit, canvas = portrait.px_per_mm, portrait.canvas
    x, y = portrait.to_canvas.apply(np.array(CENTRE_MM))[:2]
    half_x, half_y = REACH * HALF_MM[0] * unit, REACH * HALF_MM[1] * unit
    left = inner.left - _cells(inner.left - max(x - half_x, canvas.left))
    top = inner.top - _cells(inner.top - max(y - half_y, canvas.top))
    right, bottom = inner.left + inner.width, inner.top + inner.height
    right += _cells(min(x + half_x, canvas.right) - right)
    bottom += _cells(min(y + half_y, canvas.bottom) - bottom)
    return Box(left, top, right - left, bottom - top)


def _cells(pixels: float) -> int:
    return max(0, int(pixels // BOX_UNIT) * BOX_UNIT)


class HeadField:
    """The field of one portrait for any pose, on the nodes of a box."""

    def __init__(self, portrait: Portrait, box: Box) -> None:
        unit = portrait.px_per_mm
        centre = portrait.to_canvas.apply(np.array(CENTRE_MM))[:2]
        across = portrait.to_canvas.rotation[:2, 0]
        axis = (across / max(float(np.linalg.norm(across)), 1e-6)).astype(np.float32)
        x = box.left + STEP / 2 + STEP * np.arange(box.width // STEP, dtype=np.float32)
        y = box.top + STEP / 2 + STEP * np.arange(box.height // STEP, dtype=np.float32)
        dx, dy = np.meshgrid((x - centre[0]) / unit, (y - centre[1]) / unit)
        beside = (dx * axis[0] + dy * axis[1]).astype(np.float32)
        down = (dy * axis[0] - dx * axis[1]).astype(np.float32) - np.float32(PIVOT_DOWN_MM)
        out = np.hypot(beside / HALF_MM[0], (down + PIVOT_DOWN_MM) / HALF_MM[1])
        weight = 1.0 - smoothstep((out - 0.9) / (REACH - 0.05 - 0.9))
        depth = HALF_MM[2] * np.sqrt(np.clip(1.0 - np.square(out / 1.3), 0.0, None))
        strength = -weight * _to_edges(portrait, x, y) * np.float32(unit)
        still = np.zeros_like(depth)
        turns = ((still, depth), (depth, still), (-down, beside))
        moves = [(np.radians(a) * strength, np.radians(d) * strength) for a, d in turns] + [(still, -strength)]
        self._moves = [
            np.dstack([a * axis[0] - d * axis[1], a * axis[1] + d * axis[0]]).astype(np.float32) for a, d in moves
        ]
        self._sparse = np.stack([move[::SPARSE, ::SPARSE] for move in self._moves])

    def at(self, pose: Pose) -> Floats:
        """Return per node, in pixels [rows, columns, 2], where its content comes from in the photo."""
        moved: Floats = self._moves[0] * np.float32(pose.pitch)
        for move, size in zip(self._moves[1:], _sizes(pose)[1:], strict=True):
            moved = np.asarray(cv2.scaleAdd(move, size, moved))
        return moved

    def apart(self, one: Pose, other: Pose) -> float:
        """Return how many pixels along a side of the picture the head's points differ at most between two poses."""
        change = np.array(_sizes(one), dtype=np.float32) - np.array(_sizes(other), dtype=np.float32)
        return float(np.abs(np.tensordot(change, self._sparse, axes=1)).max(initial=0.0))

    def furthest(self) -> float:
        """Return a bound, in pixels, on how far any pose of life's schedule moves a point."""
        limits = (*(MAX_DEGREES[axis] for axis in ("pitch", "yaw", "roll")), BREATH_MM)
        sums = sum(np.abs(move) * limit for move, limit in zip(self._moves, limits, strict=True))
        return float(np.max(sums, initial=0.0))


def _sizes(pose: Pose) -> tuple[float, float, float, float]:
    return pose.pitch, pose.yaw, pose.roll, pose.lift_mm


def _to_edges(portrait: Portrait, x: Floats, y: Floats) -> Floats:
    canvas, fade = portrait.canvas, BORDER_MM * portrait.px_per_mm
    beside = np.minimum(x - canvas.left, canvas.right - x)
    above = np.minimum(y - canvas.top, canvas.bottom - y)
    return smoothstep((beside - STEP) / fade)[None] * smoothstep((above - STEP) / fade)[:, None]
