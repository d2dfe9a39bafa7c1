"""Holds the head a little differently: a smooth field that turns it about the neck and fades out around it.

The head is an ellipsoid, so that a nod moves the nose further than the ears; the picture beyond its neighbourhood
stays as it is.
"""

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.life.schedule import Pose
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
        self._unit = portrait.px_per_mm
        centre = portrait.to_canvas.apply(np.array(CENTRE_MM))[:2]
        across = portrait.to_canvas.rotation[:2, 0]
        self._axis = (across / max(float(np.linalg.norm(across)), 1e-6)).astype(np.float32)
        x = box.left + STEP / 2 + STEP * np.arange(box.width // STEP, dtype=np.float32)
        y = box.top + STEP / 2 + STEP * np.arange(box.height // STEP, dtype=np.float32)
        dx, dy = np.meshgrid((x - centre[0]) / self._unit, (y - centre[1]) / self._unit)
        self._across = (dx * self._axis[0] + dy * self._axis[1]).astype(np.float32)
        self._down = (dy * self._axis[0] - dx * self._axis[1]).astype(np.float32) - np.float32(PIVOT_DOWN_MM)
        out = np.hypot(self._across / HALF_MM[0], (self._down + PIVOT_DOWN_MM) / HALF_MM[1])
        weight = 1.0 - smoothstep((out - 0.9) / (REACH - 0.05 - 0.9))
        self._weight = np.asarray(weight * _to_edges(portrait, x, y))
        self._depth = HALF_MM[2] * np.sqrt(np.clip(1.0 - np.square(out / 1.3), 0.0, None)).astype(np.float32)

    def at(self, pose: Pose) -> Floats:
        """Return per node, in pixels [rows, columns, 2], where its content comes from in the photo."""
        pitch, yaw, roll = np.radians([pose.pitch, pose.yaw, pose.roll])
        moved_across = yaw * self._depth - roll * self._down
        moved_down = pitch * self._depth + roll * self._across - pose.lift_mm
        strength = -self._weight * np.float32(self._unit)
        a, d = moved_across * strength, moved_down * strength
        return np.dstack([a * self._axis[0] - d * self._axis[1], a * self._axis[1] + d * self._axis[0]]).astype(
            np.float32
        )


def _to_edges(portrait: Portrait, x: Floats, y: Floats) -> Floats:
    canvas, fade = portrait.canvas, BORDER_MM * portrait.px_per_mm
    beside = np.minimum(x - canvas.left, canvas.right - x)
    above = np.minimum(y - canvas.top, canvas.bottom - y)
    return smoothstep((beside - STEP) / fade)[None] * smoothstep((above - STEP) / fade)[:, None]
