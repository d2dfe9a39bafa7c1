"""Puts frames of one portrait into the encoder's slots; only what changes from frame to frame is written."""

import numpy as np

from device_agent.engine.arrays import Pixels
from device_agent.engine.compose import halve_colour
from device_agent.engine.gesture import Gesture
from device_agent.engine.life.schedule import Pose
from device_agent.engine.mark import Mark
from device_agent.engine.package import MAP_CHANNELS, MAP_SIZE
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.video.frames import SLOTS, Planes
from device_agent.engine.warp.face import STILL, FaceWarp
from device_agent.engine.warp.field import Sources
from device_agent.engine.warp.grid import Box

Drawn = tuple[Pixels, Pixels]
"""Brightness [h,w] and colour [h/2,w/2,2] of the face box."""


class Stage:
    """The still frame with the moving face box in it."""

    def __init__(self, portrait: Portrait, warp: FaceWarp, mark: Mark | None = None) -> None:
        self._warp, self._mark = warp, mark
        self._still = still_planes(portrait.yuv)
        self._ready = [False] * SLOTS
        self._closed = np.zeros((len(MAP_CHANNELS), MAP_SIZE, MAP_SIZE), dtype=np.float32)
        self._rest: Sources | None = None
        self._drawn_rest: Drawn | None = None

    @property
    def box(self) -> Box:
        """The rectangle of the frame that moves."""
        return self._warp.box

    def draw(self, gesture: Gesture | None, pose: Pose = STILL) -> Drawn:
        """Return the moving box under ``gesture`` and ``pose``; None is the closed mouth, worked out once."""
        if gesture is not None:
            return self._warp.draw(gesture.motion, pose, gesture.tongue)
        if self._rest is None:
            self._rest = self._warp.sources(self._closed)
        if pose != STILL:
            return self._warp.paint(self._rest, pose)
        if self._drawn_rest is None:
            self._drawn_rest = self._warp.paint(self._rest, STILL)
        return self._drawn_rest

    def apart(self, one: Pose, other: Pose) -> float:
        """Return how many pixels the head's points differ at most between two poses; lids do not count."""
        return self._warp.apart(one, other)

    def begin(self) -> None:
        """Forget what was written: the next slots are those of another video."""
        self._ready = [False] * SLOTS

    def put(self, drawn: Drawn, slot: int, planes: Planes) -> None:
        """Write a drawn face box into a slot; the still picture around it is written the first time."""
        if not self._ready[slot]:
            planes.y[:], planes.u[:], planes.v[:] = self._still
            self._ready[slot] = True
        luma, chroma = drawn
        box = self._warp.box
        planes.y[box.top : box.top + box.height, box.left : box.left + box.width] = luma
        rows = slice(box.top // 2, (box.top + box.height) // 2)
        columns = slice(box.left // 2, (box.left + box.width) // 2)
        planes.u[rows, columns], planes.v[rows, columns] = chroma[..., 0], chroma[..., 1]
        if self._mark is not None:
            self._mark.put(planes)


def still_planes(yuv: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Split YUV 4:4:4 [h,w,3] into the planes of 4:2:0."""
    small = halve_colour(yuv)
    return yuv[..., 0], small[..., 0], small[..., 1]
