"""A z-buffer for triangles in numpy: which triangle shows in each pixel, and where on it (barycentric coordinates).

Pineda, "A parallel algorithm for polygon rasterization", SIGGRAPH 1988. Triangles of like size are drawn together as
square blocks of pixels, so that no loop runs over single triangles. The same input gives the same bits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BLOCK_SIDES = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
"""Pixels; a triangle is drawn in the smallest block that holds it."""
BLOCK_PIXELS = 2_000_000
"""Pixels that are worked on at a time: bounds the memory."""
DEPTH_STEPS = 2**31 - 1
EMPTY = np.uint64(2**64 - 1)
NOTHING = -1


@dataclass(frozen=True)
class Visible:
    """What a picture of height H and width W shows."""

    triangle: NDArray[np.int32]
    """[H,W]: number of the triangle, NOTHING where there is none."""
    depth: Floats
    """[H,W]: infinity where there is nothing."""


def rasterise(corners: Floats, height: int, width: int) -> Visible:
    """Draw triangles [N,3,3] (x, y in pixels, z is depth, smaller is nearer); those turned away are left out."""
    corners = corners.astype(np.float32)
    keep = np.flatnonzero(_area(corners) < 0)
    shown = corners[keep]
    low = np.floor(shown[..., :2].min(axis=1)).astype(np.int64)
    high = np.ceil(shown[..., :2].max(axis=1)).astype(np.int64)
    inside = (high > 0).all(axis=1) & (low < [width, height]).all(axis=1)
    keep, shown, low, high = keep[inside], shown[inside], low[inside], high[inside]
    buffer = np.full(height * width, EMPTY, dtype=np.uint64)
    if len(keep):
        near, far = float(shown[..., 2].min()), float(shown[..., 2].max())
        span = max(far - near, 1e-6)
        side = (high - low).max(axis=1) + 1
        for small, large in zip((0, *BLOCK_SIDES[:-1]), BLOCK_SIDES, strict=True):
            chosen = np.flatnonzero((side > small) & (side <= large))
            step = max(1, BLOCK_PIXELS // large**2)
            for start in range(0, len(chosen), step):
                part = chosen[start : start + step]
                _draw(buffer, shown[part], keep[part], low[part], large, (height, width), near, span)
    found = buffer != EMPTY
    triangle = np.where(found, (buffer & np.uint64(0xFFFFFFFF)).astype(np.int64), NOTHING).astype(np.int32)
    steps = (buffer >> np.uint64(32)).astype(np.float64)
    depth = np.where(
        found, steps / DEPTH_STEPS * (span if found.any() else 1.0) + (near if found.any() else 0.0), np.inf
    )
    return Visible(triangle.reshape(height, width), depth.astype(np.float32).reshape(height, width))


def weights_at(corners: Floats, triangle: NDArray[np.int32], x: Floats, y: Floats) -> Floats:
    """Return the barycentric weights [P,3] of positions (x, y) [P] on triangles [P] of ``corners`` [N,3,3]."""
    a, b, c = (corners[triangle, i, :2] for i in range(3))
    place = np.stack([x, y], axis=1)
    whole = _cross(b - a, c - a)
    first, second = _cross(b - place, c - place) / whole, _cross(c - place, a - place) / whole
    return np.stack([first, second, 1 - first - second], axis=1).astype(np.float32)


def _draw(  # noqa: PLR0917
    buffer: NDArray[np.uint64],
    corners: Floats,
    names: NDArray[np.int64],
    low: NDArray[np.int64],
    side: int,
    size: tuple[int, int],
    near: float,
    span: float,
) -> None:
    """Draw triangles that fit into blocks of ``side`` pixels into the buffer of depth and name."""
    offset = np.arange(side)
    columns, rows = low[:, 0, None] + offset, low[:, 1, None] + offset
    x, y = columns[:, None, :] + np.float32(0.5), rows[:, :, None] + np.float32(0.5)
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (corners[:, i].T[:, :, None, None] for i in range(3))
    whole = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    first = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / whole
    second = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / whole
    third = 1 - first - second
    hit = (first >= 0) & (second >= 0) & (third >= 0)
    hit &= ((columns >= 0) & (columns < size[1]))[:, None, :] & ((rows >= 0) & (rows < size[0]))[:, :, None]
    which, row, column = np.nonzero(hit)
    depth = (first * az + second * bz + third * cz)[hit]
    steps = np.clip((depth.astype(np.float64) - near) / span * DEPTH_STEPS, 0, DEPTH_STEPS).astype(np.uint64)
    key = (steps << np.uint64(32)) | names[which].astype(np.uint64)
    np.minimum.at(buffer, rows[which, row] * size[1] + columns[which, column], key)


def _area(corners: Floats) -> Floats:
    """Twice the signed area in the picture: negative where the front is seen (y runs down)."""
    return _cross(corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2])


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
