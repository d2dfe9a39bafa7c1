"""Where the lips part in the photo: the inner edges of both lips as heights along the mouth.

The mouth has a frame of its own: ``along`` runs from the corner at the picture's left to the other, ``across`` down.
The face mesh knows the edges to a few pixels only; a closed mouth is refined to the dark line between the lips.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.engine import canonical
from device_agent.engine.arrays import Floats, Pixels

UPPER_EDGE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_EDGE = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
SAMPLES = 97
CLOSED_BELOW_MM = 2.6
"""The mesh reads 0.9 to 2.5 mm on closed mouths."""

SEARCH_MM = 3.0
"""How far from the mesh's edge the line between closed lips is looked for."""

STEP_MM = 0.15
STRAY_COST = 0.02
"""Cost of leaving the mesh's line, per square millimetre; brightness runs from 0 to 1."""

BEND_COST = 0.6
"""Cost of one search step up or down between neighbouring samples."""


@dataclass(frozen=True)
class LipLine:
    """Inner lip edges in picture pixels."""

    centre: Floats
    axis: Floats
    """Unit vector along the mouth."""
    half_width: float
    along: Floats
    """[SAMPLES] positions from corner to corner."""
    upper: Floats
    """[SAMPLES] height of the upper lip's inner edge, down is positive."""
    lower: Floats
    """The same for the lower lip; equal to ``upper`` when the mouth is closed."""

    @property
    def closed(self) -> bool:
        """Whether the lips touch in the photo."""
        return bool(np.array_equal(self.upper, self.lower))

    def frame(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return (along, across) of picture positions."""
        dx, dy = x - self.centre[0], y - self.centre[1]
        return dx * self.axis[0] + dy * self.axis[1], dy * self.axis[0] - dx * self.axis[1]

    def heights(self, along: Floats) -> tuple[Floats, Floats]:
        """Return the heights of the upper and lower edge at ``along``; level beyond the corners."""
        return (
            np.interp(along, self.along, self.upper).astype(np.float32),
            np.interp(along, self.along, self.lower).astype(np.float32),
        )


def find_lip_line(brightness: Pixels, landmarks: Floats, px_per_mm: float) -> LipLine:
    """Measure the lip line on the brightness [height, width] of the picture in which ``landmarks`` lie."""
    corners = landmarks[[canonical.RIGHT_CORNER, canonical.LEFT_CORNER], :2]
    span = corners[1] - corners[0]
    half = float(np.linalg.norm(span)) / 2
    line = LipLine(corners.mean(axis=0), span / (2 * half), half, *_flat(half))
    upper, lower = (_edge(line, landmarks[list(index), :2]) for index in (UPPER_EDGE, LOWER_EDGE))
    gap = float(np.median((lower - upper)[SAMPLES // 3 : -SAMPLES // 3])) / px_per_mm
    if gap < CLOSED_BELOW_MM:
        upper = lower = _dark_line(brightness, line, (upper + lower) / 2, px_per_mm)
    lower = np.maximum(upper, lower)
    return LipLine(line.centre, line.axis, half, line.along, upper, lower)


def _flat(half: float) -> tuple[Floats, Floats, Floats]:
    zeros = np.zeros(SAMPLES, dtype=np.float32)
    return np.linspace(-half, half, SAMPLES, dtype=np.float32), zeros, zeros


def _edge(line: LipLine, points: Floats) -> Floats:
    along, across = line.frame(points[:, 0], points[:, 1])
    along = np.concatenate([[-line.half_width], along, [line.half_width]])
    across = np.concatenate([[0.0], across, [0.0]])
    order = np.argsort(along, kind="stable")
    heights = np.interp(line.along, along[order], across[order]).astype(np.float32)
    return _smooth(heights)


def _smooth(heights: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(heights[None], (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)[0])


def _dark_line(brightness: Pixels, line: LipLine, guess: Floats, px_per_mm: float) -> Floats:
    """Find the darkest smooth path near ``guess``: dynamic programming over heights, sample by sample."""
    steps = round(SEARCH_MM / STEP_MM)
    offsets = np.arange(-steps, steps + 1, dtype=np.float32) * STEP_MM
    across = guess[None] + offsets[:, None] * px_per_mm
    normal = np.array([-line.axis[1], line.axis[0]])
    x = line.centre[0] + line.along * line.axis[0] + across * normal[0] - 0.5
    y = line.centre[1] + line.along * line.axis[1] + across * normal[1] - 0.5
    strip: Floats = cv2.remap(brightness, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    strip = cv2.GaussianBlur(strip.astype(np.float32) / 255.0, (0, 0), 1.2)
    strip = strip / max(float(strip.mean()), 0.05)
    cost = strip + STRAY_COST * np.square(offsets)[:, None]
    return _smooth(guess + offsets[_cheapest_path(cost)] * px_per_mm)


def _cheapest_path(cost: Floats) -> Floats:
    """Return the row of each column on the path of least cost; one step changes the row by at most one."""
    rows, columns = cost.shape
    total = cost[:, 0].copy()
    origin = np.zeros((columns, rows), dtype=np.int64)
    bend = BEND_COST * STEP_MM
    for column in range(1, columns):
        padded = np.pad(total, 1, constant_values=np.inf)
        options = np.stack([padded[:-2] + bend, padded[1:-1], padded[2:] + bend])
        best = options.argmin(axis=0)
        origin[column] = np.arange(rows) + best - 1
        total = options[best, np.arange(rows)] + cost[:, column]
    path = np.empty(columns, dtype=np.int64)
    path[-1] = int(total.argmin())
    for column in range(columns - 1, 0, -1):
        path[column - 1] = origin[column, path[column]]
    return path
