"""The head held in a pose with its face at rest: drawn once, shown until the pose changes."""

from dataclasses import dataclass

import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.life.schedule import Pose
from device_agent.engine.warp.grid import STEP, NodeGrid
from device_agent.engine.warp.head import HeadField
from device_agent.engine.warp.resample import Resampler

MOVED_PX = 0.05
"""Skin that moves less than this is left as it is."""


@dataclass(frozen=True)
class Held:
    """One pose of a head."""

    turn: Floats
    """Per node of the whole box, how far away its content lies in the photo, pixels."""
    from_nodes: Floats
    """Where the face's nodes come from, counted in nodes of the face's own grid."""
    luma: Pixels
    chroma: Pixels


class HeadHolder:
    """Draws one portrait's head in a pose; the last pose is kept."""

    def __init__(self, field: HeadField | None, photo: Resampler, grid: NodeGrid, face: NodeGrid) -> None:
        self._field, self._photo, self._grid, self._face = field, photo, grid, face
        self._pose = Pose()
        self._held = self._still = Held(np.zeros_like(grid.nodes), face.nodes, photo.luma, photo.chroma)

    def at(self, pose: Pose) -> Held:
        """Return the head as ``pose`` holds it, whatever its lids do."""
        if self._field is None or pose.still:
            return self._still
        if pose.head != self._pose:
            self._held, self._pose = self._drawn(self._field.at(pose)), pose.head
        return self._held

    def _drawn(self, turn: Floats) -> Held:
        luma, chroma = self._photo.luma.copy(), self._photo.chroma.copy()
        self._photo.draw(self._grid, turn, far(turn), luma, chroma)
        return Held(turn, self._face.nodes + turn[self._face.box.cells] * np.float32(1 / STEP), luma, chroma)


def far(offset: Floats) -> Floats:
    """Return whether each node's content comes from so far away that it must be drawn, bool [rows, columns]."""
    return np.asarray((np.abs(offset[..., 0]) > MOVED_PX) | (np.abs(offset[..., 1]) > MOVED_PX))
