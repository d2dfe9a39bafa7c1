"""A few YUV 4:2:0 frames in memory that two processes share: one draws, the other encodes."""

import mmap
import os
from dataclasses import dataclass

import numpy as np

from device_agent.engine.arrays import Pixels

SLOTS = 8
"""Frames in turn, 3 MB each at 1080p: one drawn, one encoded, and enough between them that neither waits when the
other has a slow one."""


@dataclass(frozen=True)
class Planes:
    """One frame: brightness at full size, both colours at half size; writing here writes the shared memory."""

    y: Pixels
    u: Pixels
    v: Pixels


class FrameRing:
    """``SLOTS`` frames behind one file descriptor that a child process can inherit."""

    def __init__(self, width: int, height: int, descriptor: int | None = None) -> None:
        self.width, self.height = width, height
        self.frame_bytes = width * height * 3 // 2
        if descriptor is None:
            descriptor = os.memfd_create("liveframe-frames")
        os.ftruncate(descriptor, self.frame_bytes * SLOTS)
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, self.frame_bytes * SLOTS)

    def flat(self, slot: int) -> Pixels:
        """Return the frame as the array [height * 3 / 2, width] that encoders take."""
        whole = np.frombuffer(self._memory, dtype=np.uint8, count=self.frame_bytes, offset=slot * self.frame_bytes)
        return whole.reshape(self.height * 3 // 2, self.width)

    def planes(self, slot: int) -> Planes:
        """Return the frame's three planes as views."""
        whole = self.flat(slot).reshape(-1)
        luma, chroma = self.width * self.height, self.width * self.height // 4
        half = (self.height // 2, self.width // 2)
        return Planes(
            whole[:luma].reshape(self.height, self.width),
            whole[luma : luma + chroma].reshape(half),
            whole[luma + chroma :].reshape(half),
        )

    def close(self) -> None:
        """Give the descriptor back; the memory goes when the last view and process let go of it."""
        os.close(self.descriptor)
