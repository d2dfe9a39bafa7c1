"""Where the 40 lip points of the face mesh lie on MakeHuman's head: along the mesh's own loops around the mouth.

The outer points run along the border of the red, the inner ones along the line where the lips touch; along each
curve a point lies at the share of its length that it has in the canonical face.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from model_pipeline.studio.asset import HeadAsset

OUTER_LOOP = {"upper": 455, "lower": 492}
INNER_LOOP = {"upper": 474, "lower": 493}
"""Vertices of MakeHuman's mesh on the midline, through which the loops run."""
SHARES = {
    "outer lower": (0.0, 0.077, 0.171, 0.274, 0.386, 0.5),
    "outer upper": (0.0, 0.083, 0.176, 0.276, 0.394, 0.5),
    "inner lower": (0.0, 0.082, 0.172, 0.272, 0.383, 0.5),
    "inner upper": (0.0, 0.083, 0.175, 0.275, 0.384, 0.5),
}
"""Share of a curve's length from the right corner to the middle, symmetric: those of the canonical face."""


@cache
def lip_operator(asset: "HeadAsset") -> sparse.csr_array:
    """Return [40,V]: the lip points, in the order of ``canonical.LIPS``, as means of coarse vertices."""
    place = {int(vertex): index for index, vertex in enumerate(asset.source)}
    neighbours = _neighbours(asset)
    found: dict[str, sparse.csr_array] = {}
    for name, middles in (("outer", OUTER_LOOP), ("inner", INNER_LOOP)):
        loop = _loop(place[middles["upper"]], neighbours, asset.points)
        lower = loop.index(place[middles["lower"]])
        x = asset.points[loop, 0]
        left, right = int(np.argmax(x)), int(np.argmin(x))
        around = loop[right:] + loop[:right]
        turn = (left - right) % len(loop)
        over, under = around[: turn + 1], [around[0], *around[: turn - 1 : -1]]
        if (lower - right) % len(loop) < turn:
            over, under = under, over
        found |= {f"{name} lower": _along(asset, under, SHARES[f"{name} lower"])}
        found |= {f"{name} upper": _along(asset, over, SHARES[f"{name} upper"])}
    parts = [
        part for name in ("outer", "inner") for part in (found[f"{name} lower"], found[f"{name} upper"][-2:0:-1])
    ]
    return sparse.csr_array(sparse.vstack(parts) @ asset.fine[: len(asset.points)])


def _along(asset: "HeadAsset", curve: list[int], half: tuple[float, ...]) -> sparse.csr_array:
    """Return [11,V]: positions at the given shares of the length of a polyline of vertices."""
    points = asset.points[curve]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    shares = np.array([*half, *(1 - share for share in half[-2::-1])]) * length[-1]
    right = np.clip(np.searchsorted(length, shares), 1, len(curve) - 1)
    part = (shares - length[right - 1]) / (length[right] - length[right - 1])
    rows = np.tile(np.arange(len(shares)), 2)
    columns = np.array(curve)[np.concatenate([right - 1, right])]
    return sparse.csr_array(
        (np.concatenate([1 - part, part]), (rows, columns)), shape=(len(shares), len(asset.points))
    )


def _neighbours(asset: "HeadAsset") -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return, for coarse vertices near the mouth, the quads and the vertices that each touches."""
    coarse = asset.quads.reshape(-1, 4, 4)[:, :, 0]
    at: dict[int, set[int]] = {}
    beside: dict[int, set[int]] = {}
    for number, quad in enumerate(coarse.tolist()):
        for here, after in zip(quad, quad[1:] + quad[:1], strict=True):
            at.setdefault(here, set()).add(number)
            beside.setdefault(here, set()).add(after)
            beside.setdefault(after, set()).add(here)
    return at, beside


def _loop(
    start: int, around: tuple[dict[int, set[int]], dict[int, set[int]]], points: NDArray[np.float32]
) -> list[int]:
    """Walk an edge loop: from each vertex on to the one neighbour that shares no quad with the edge walked."""
    at, beside = around
    path = [start, max(beside[start], key=lambda vertex: points[vertex, 0])]
    while path[-1] != start:
        before, here = path[-2:]
        both = at[before] & at[here]
        (after,) = (v for v in beside[here] if v != before and not at[v] & at[here] & both)
        path.append(after)
    return path[:-1]
