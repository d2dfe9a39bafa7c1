"""Puts frames of one portrait into the encoder's slots; only what changes from frame to frame is written."""

import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.compose import halve_colour
from device_agent.engine.package import MAP_CHANNELS, MAP_SIZE
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.video.frames import SLOTS, Planes
from device_agent.engine.warp.face import FaceWarp

Drawn = tuple[Pixels, Pixels]
"""Brightness [h,w] and colour [h/2,w/2,2] of the face box."""


class Stage:
    """The still frame with the moving face box in it."""

    def __init__(self, portrait: Portrait, warp: FaceWarp) -> None:
        self._warp = warp
        self._still = still_planes(portrait.yuv)
        self._ready = [False] * SLOTS
        self._closed = np.zeros((len(MAP_CHANNELS), MAP_SIZE, MAP_SIZE), dtype=np.float32)
        self._rest: Drawn | None = None

    def draw(self, motion: Floats | None) -> Drawn:
        """Return the face box under ``motion``; None is the portrait at rest, drawn once."""
        if motion is not None:
            return self._warp.draw(motion)
        if self._rest is None:
            self._rest = self._warp.draw(self._closed)
        return self._rest

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


def still_planes(yuv: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Split YUV 4:4:4 [h,w,3] into the planes of 4:2:0."""
    small = halve_colour(yuv)
    return yuv[..., 0], small[..., 0], small[..., 1]
