"""Where to look in a video: the frames that close, half open and widest open the mouth, and the mouth's square."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

HALF_SIDE_MM = 34.0
"""Lips, the fold of the cheek and the chin's upper edge fit into a square twice as wide."""
BELOW_LIPS_MM = 6.0
"""The square's middle lies so far below the line of the lips: jaws go down."""


@dataclass(frozen=True)
class Moments:
    """Frame numbers from 0 and their lip openings in mm."""

    closed: int
    half: int
    widest: int
    opening_mm: tuple[float, float, float]
    """Of the three, in that order."""

    @property
    def frames(self) -> tuple[int, int, int]:
        """Closed, half open, widest open."""
        return self.closed, self.half, self.widest


def moments(openings: Sequence[float]) -> Moments:
    """Return the frame with the smallest opening, the one nearest to half way, and the one with the largest.

    ``openings``: mm of each frame in which the voice lasts, at least one.
    """
    curve = np.asarray(openings, dtype=np.float64)
    closed, widest = int(curve.argmin()), int(curve.argmax())
    half = int(np.abs(curve - (curve[closed] + curve[widest]) / 2).argmin())
    return Moments(closed, half, widest, (float(curve[closed]), float(curve[half]), float(curve[widest])))


def mouth_square(lips: NDArray[np.floating], px_per_mm: float, width: int, height: int) -> Box:
    """Return the square around the middle of the lips (x, y), moved inside a frame of ``width`` x ``height``."""
    half = min(HALF_SIDE_MM * px_per_mm, width / 2, height / 2)
    x = float(np.clip(lips[0], half, width - half))
    y = float(np.clip(lips[1] + BELOW_LIPS_MM * px_per_mm, half, height - half))
    return round(x - half), round(y - half), round(x + half), round(y + half)
