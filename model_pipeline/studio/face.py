"""Where the face mesh's 478 points lie on MakeHuman's head: the mesh itself says so, on a picture of that head.

The 40 lip points are exact (``lips.lip_operator``); every other point is the vertex that lies nearest to where the
frame's own mesh puts it, among those that the camera sees.
"""

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from device_agent.engine import canonical
from model_pipeline.errors import DataMissing
from model_pipeline.prepare.faces import MeshTracker
from model_pipeline.studio.asset import PARTS, HeadAsset
from model_pipeline.studio.colours import mask_at
from model_pipeline.studio.head import make_head
from model_pipeline.studio.identity import draw_person
from model_pipeline.studio.lips import lip_operator
from model_pipeline.studio.picture import Shot, Studio, camera
from model_pipeline.studio.surface import normals

POINTS = 478
PLAIN = 3
"""Seed of the person whose colours the neutral head wears: no beard, no glasses."""
SHOT = Shot(size=768, eyes_px=165.0, key=(0.0, -0.4, -1.0))
FACING = -0.15
"""A vertex is seen when its normal points so far to the camera."""


@cache
def face_operator(asset: HeadAsset) -> sparse.csr_array:
    """Return [478,V]: the points of the face mesh as means of coarse vertices."""
    person = draw_person(PLAIN, child=False, beard=False, glasses=False, tone=0.2)
    head = make_head(replace(person, shapes={}, hair_mm=0.0))
    found = MeshTracker().look(Studio(head).shoot(SHOT)).landmarks
    if found is None:
        raise DataMissing("the face detector finds no face in the picture of the neutral head")
    view, fine = camera(SHOT), head.fine(head.rest)
    placed = view.project(fine)
    rows = []
    for index in range(POINTS):
        usable = np.flatnonzero(_visible(asset, fine, eyes=index >= canonical.RIGHT_IRIS))
        away = np.square(placed[usable, :2] - found[index, :2]).sum(axis=1)
        rows.append(usable[int(away.argmin())])
    whole = sparse.lil_array(asset.fine[np.array(rows)])
    whole[list(canonical.LIPS)] = lip_operator(asset)
    return sparse.csr_array(whole)


def _visible(asset: HeadAsset, fine: NDArray[np.float32], *, eyes: bool) -> NDArray[np.bool_]:
    """Say which fine vertices the camera sees: of the eyes, or of the skin."""
    wanted = np.isin(asset.part, [1, 2]) if eyes else asset.part == PARTS.index("body")
    chosen = np.zeros(len(fine), dtype=bool)
    chosen[asset.quads[wanted].ravel()] = True
    inside = np.zeros(len(fine), dtype=np.float32)
    inside[asset.quads.ravel()] = mask_at(asset, "inside", asset.uv.reshape(-1, 2))
    return chosen & (normals(fine, asset.triangles)[:, 2] < FACING) & ((inside < 0.5) | eyes)


def mirror_of(points: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return which point [478] of a nearly symmetric face [478,3] lies on the other side; twice is back again.

    The nearest pairs are taken first; a point of the middle is its own other side.
    """
    other = points * np.array([-1.0, 1.0, 1.0])
    cost = np.square(points[:, None] - other[None]).sum(axis=-1)
    cost = cost + cost.T
    found = np.full(len(points), -1, dtype=np.int64)
    for place in np.argsort(cost, axis=None):
        one, two = divmod(int(place), len(points))
        if found[one] < 0 and found[two] < 0:
            found[one], found[two] = two, one
    return found
