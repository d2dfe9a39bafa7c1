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

FOLLOWING = 0.999
"""The gate of speech; less is the ramp into a pause."""


@dataclass(frozen=True)
class Moments:
    """Frame numbers from 0 and their lip openings in mm, all within speech."""

    closed: int
    half: int
    widest: int
    opening_mm: tuple[float, float, float]
    """Of the three, in that order."""

    @property
    def frames(self) -> tuple[int, int, int]:
        """Closed, half open, widest open."""
        return self.closed, self.half, self.widest


def moments(openings: Sequence[float], gates: Sequence[float]) -> Moments:
    """Return the frames of speech with the smallest opening, the one nearest to half way, and the largest.

    ``openings`` (mm) and ``gates`` (0..1, how far the mouth follows the model) of each frame in which the voice
    lasts, at least one. Speech is where the gate is open, or opens most; in silence any mouth is closed. Lips pressed
    together (below 0 mm) count as 0.
    """
    curve, gate = np.asarray(openings, dtype=np.float64), np.asarray(gates, dtype=np.float64)
    spoken = np.flatnonzero(gate >= min(FOLLOWING, gate.max()))
    low, high = curve[spoken].min(), curve[spoken].max()
    frames = [int(spoken[np.abs(curve[spoken] - wanted).argmin()]) for wanted in (low, (low + high) / 2, high)]
    closed, half, widest = (max(0.0, float(curve[frame])) for frame in frames)
    return Moments(*frames, (closed, half, widest))


def mouth_square(lips: NDArray[np.floating], px_per_mm: float, width: int, height: int) -> Box:
    """Return the square around the middle of the lips (x, y), moved inside a frame of ``width`` x ``height``."""
    half = min(HALF_SIDE_MM * px_per_mm, width / 2, height / 2)
    x = float(np.clip(lips[0], half, width - half))
    y = float(np.clip(lips[1] + BELOW_LIPS_MM * px_per_mm, half, height - half))
    return round(x - half), round(y - half), round(x + half), round(y + half)
