"""Catmull-Clark subdivision as a matrix, so that shapes and their blends are subdivided alike.

Catmull and Clark, "Recursively generated B-spline surfaces on arbitrary topological meshes", CAD 10(6), 1978.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Subdivided:
    """A finer surface."""

    operator: sparse.csr_array
    """[new, old]: new vertices as means of old ones; the first ``old`` rows are the old vertices, smoothed."""
    quads: Ints
    """[4*Q,4]"""
    parent: Ints
    """[4*Q]: the quad that each came from."""


def subdivide(quads: Ints, count: int) -> Subdivided:
    """Return ``quads`` [Q,4] over ``count`` vertices, each divided into four; borders become smooth curves."""
    ends = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    edges, of_quad = np.unique(ends, axis=0, return_inverse=True)
    of_quad = of_quad.reshape(-1, 4)
    uses = np.bincount(of_quad.ravel(), minlength=len(edges))
    faces = _matrix(np.repeat(np.arange(len(quads)), 4), quads.ravel(), 0.25, (len(quads), count))
    middle = _matrix(np.repeat(np.arange(len(edges)), 2), edges.ravel(), 0.5, (len(edges), count))
    at_edge = _matrix(of_quad.ravel(), np.repeat(np.arange(len(quads)), 4), 0.5, (len(edges), len(quads)))
    inner = sparse.diags_array((uses == 2).astype(float))
    edge_points = middle - 0.5 * (inner @ middle) + 0.5 * (inner @ (at_edge @ faces))
    operator = sparse.vstack([_vertex_points(quads, edges, uses, faces, middle, count), edge_points, faces]).tocsr()
    e, f = count + of_quad, count + len(edges) + np.arange(len(quads))
    finer = np.stack(
        [np.stack([quads[:, i], e[:, i], f, e[:, i - 1]], axis=1) for i in range(4)], axis=1
    )  # the corner stays first
    return Subdivided(operator, finer.reshape(-1, 4), np.repeat(np.arange(len(quads)), 4))


def subdivide_corners(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values at the corners of the finer quads [4*Q,4,C] of values at the corners [Q,4,C]: plain means."""
    centre = values.mean(axis=1)
    after = (values + np.roll(values, -1, axis=1)) / 2
    parts = [np.stack([values[:, i], after[:, i], centre, after[:, i - 1]], axis=1) for i in range(4)]
    return np.stack(parts, axis=1).reshape(-1, 4, values.shape[2])


def normals(points: NDArray[np.float32], triangles: Ints) -> NDArray[np.float32]:
    """Return the unit normal [V,3] of every vertex: the mean of its triangles' ones, weighted by area."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    across = np.cross(b - a, c - a)
    flat = triangles.ravel()
    total = np.stack([np.bincount(flat, np.repeat(across[:, k], 3), minlength=len(points)) for k in range(3)], axis=1)
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def _matrix(rows: Ints, columns: Ints, value: float, shape: tuple[int, int]) -> sparse.csr_array:
    return sparse.csr_array((np.full(rows.size, value), (rows, columns)), shape=shape)


def _vertex_points(  # noqa: PLR0917
    quads: Ints, edges: Ints, uses: Ints, faces: sparse.csr_array, middle: sparse.csr_array, count: int
) -> sparse.csr_array:
    """(F + 2R + (n-3)P) / n inside; 1/8, 3/4, 1/8 along a border."""
    places = np.arange(count)
    valence = np.maximum(np.bincount(edges.ravel(), minlength=count), 1)
    around = np.maximum(np.bincount(quads.ravel(), minlength=count), 1)
    to_faces = _matrix(quads.ravel(), np.repeat(np.arange(len(quads)), 4), 1.0, (count, len(quads)))
    to_edges = _matrix(edges.ravel(), np.repeat(np.arange(len(edges)), 2), 1.0, (count, len(edges)))
    mean_face = sparse.diags_array(1 / around) @ to_faces @ faces
    mean_edge = sparse.diags_array(1 / valence) @ to_edges @ middle
    same = sparse.csr_array((np.ones(count), (places, places)), shape=(count, count))
    n = valence.astype(float)
    inside = sparse.diags_array(1 / n) @ (mean_face + 2 * mean_edge + sparse.diags_array(n - 3) @ same)
    at_border = np.zeros(count, dtype=bool)
    at_border[edges[uses == 1].ravel()] = True
    border_edges = sparse.diags_array((uses == 1).astype(float))
    border = 0.5 * same + 0.25 * (to_edges @ border_edges @ middle)
    pick = sparse.diags_array(at_border.astype(float))
    return sparse.csr_array(inside - pick @ inside + pick @ border)
