"""Canonical face coordinates: millimetres, interocular distance 63, x right, y down, z away, 0 between the irises.

Index lists are those of the 478-point face mesh. Alignment is a 3D similarity on 28 points of the upper face, which
speech does not move (Umeyama, IEEE PAMI 13(4), 1991).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

INTEROCULAR_MM = 63.0
MAP_SIZE = 64
RIGHT_IRIS, LEFT_IRIS = 468, 473
UPPER_LIP_CENTRE, LOWER_LIP_CENTRE = 13, 14
RIGHT_CORNER, LEFT_CORNER = 61, 291
EXTENT_MM = (-85.0, -30.0, 85.0, 140.0)
"""x0, y0, x1, y1: from below the eyes' line to below the chin."""

UPPER_FACE = (
    *(168, 6, 197, 195, 5, 4, 33, 133, 362, 263, 9, 8, 151, 10),
    *(109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356),
)
"""The 28 points that alignment uses."""
OUTER_LIP = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIP = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
"""Both run from the person's right corner along the lower lip to the left corner and back along the upper lip."""
LIPS = OUTER_LIP + INNER_LIP
"""The 40 points that lip error is measured on."""
CORNERS = (61, 291, 78, 308)
UPPER_LIP = (409, 270, 269, 267, 0, 37, 39, 40, 185, 415, 310, 311, 312, 13, 82, 81, 80, 191)
LOWER_LIP = (146, 91, 181, 84, 17, 314, 405, 321, 375, 95, 88, 178, 87, 14, 317, 402, 318, 324)


class Similarity(NamedTuple):
    """x -> scale * rotation @ x + shift."""

    scale: float
    rotation: Array
    shift: Array

    def apply(self, points: Array) -> Array:
        """Return ``points`` [..., 3] moved."""
        moved: Array = self.scale * points @ self.rotation.T + self.shift
        return moved

    def inverse(self) -> "Similarity":
        """Return the transformation that undoes this one."""
        rotation = self.rotation.T
        return Similarity(1.0 / self.scale, rotation, -(rotation @ self.shift) / self.scale)


def fit_similarity(source: Array, target: Array) -> Similarity:
    """Return the similarity that brings ``source`` [N,3] nearest to ``target`` [N,3] in least squares."""
    source = source.astype(np.float64)
    target = target.astype(np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred, aim = source - source_mean, target - target_mean
    left, values, right = np.linalg.svd(aim.T @ centred / source.shape[0])
    signs = np.ones(3)
    if np.linalg.det(left) * np.linalg.det(right) < 0:
        signs[2] = -1.0
    rotation = (left * signs) @ right
    scale = float((values * signs).sum() / max(np.square(centred).sum(axis=1).mean(), 1e-12))
    return Similarity(scale, rotation, target_mean - scale * rotation @ source_mean)


def align(landmarks: Array, reference: Array) -> Similarity:
    """Return the similarity that lays the upper face of ``landmarks`` [478,3] on that of ``reference`` [478,3]."""
    points = list(UPPER_FACE)
    return fit_similarity(landmarks[points], reference[points])


def yaw_degrees(pose: Similarity) -> float:
    """Return how far a head in ``pose`` is turned; positive towards the picture's left edge."""
    return float(np.degrees(np.arctan2(pose.rotation[0, 2], pose.rotation[2, 2])))


def to_mm(landmarks: Array) -> Similarity:
    """Return the scaling that makes the iris centres of ``landmarks`` [478,3] 63 mm apart, 0 between them."""
    right, left = landmarks[RIGHT_IRIS].astype(np.float64), landmarks[LEFT_IRIS].astype(np.float64)
    scale = INTEROCULAR_MM / max(float(np.linalg.norm(left - right)), 1e-6)
    return Similarity(scale, np.eye(3), -scale * (left + right) / 2)


def opening(points_mm: Array) -> Array:
    """Return the distance of the inner lip centres of ``points_mm`` [..., 478, 3], in mm."""
    gap: Array = np.linalg.norm(points_mm[..., UPPER_LIP_CENTRE, :] - points_mm[..., LOWER_LIP_CENTRE, :], axis=-1)
    return gap


def width(points_mm: Array) -> Array:
    """Return the distance of the lip corners of ``points_mm`` [..., 478, 3], in mm."""
    span: Array = np.linalg.norm(points_mm[..., RIGHT_CORNER, :] - points_mm[..., LEFT_CORNER, :], axis=-1)
    return span


def grid_mm(extent: tuple[float, float, float, float] | Array = EXTENT_MM) -> tuple[Array, Array]:
    """Return the x and y [64] of the cell centres of the map; row 0 is the highest on the face."""
    x0, y0, x1, y1 = (float(value) for value in extent)
    steps = (np.arange(MAP_SIZE) + 0.5) / MAP_SIZE
    return x0 + (x1 - x0) * steps, y0 + (y1 - y0) * steps


def sample_map(
    motion: Array, points_xy: Array, extent: tuple[float, float, float, float] | Array = EXTENT_MM
) -> Array:
    """Return ``motion`` [channels,64,64] at canonical ``points_xy`` [N,2] by bilinear interpolation: [channels,N]."""
    x0, y0, x1, y1 = (float(value) for value in extent)
    column = np.clip((points_xy[:, 0] - x0) / (x1 - x0) * MAP_SIZE - 0.5, 0, MAP_SIZE - 1.001)
    row = np.clip((points_xy[:, 1] - y0) / (y1 - y0) * MAP_SIZE - 0.5, 0, MAP_SIZE - 1.001)
    left, top = column.astype(np.int64), row.astype(np.int64)
    across, down = column - left, row - top
    upper = motion[:, top, left] * (1 - across) + motion[:, top, left + 1] * across
    lower = motion[:, top + 1, left] * (1 - across) + motion[:, top + 1, left + 1] * across
    values: Array = upper * (1 - down) + lower * down
    return values


def displaced_lips(
    motion: Array, points: Array, extent: tuple[float, float, float, float] | Array = EXTENT_MM
) -> Array:
    """Return the displacement [40,2] in mm that a map gives to the 40 lip points at canonical ``points`` [478,>=2].

    Upper-lip points follow the upper layer, lower-lip points the lower one, corners the mean of both.
    """
    index = list(LIPS)
    values = sample_map(motion, points[index, :2], extent)
    weight = np.array([1.0 if i in UPPER_LIP else 0.0 if i in LOWER_LIP else 0.5 for i in LIPS])
    moved: Array = (values[:2] * weight + values[2:4] * (1 - weight)).T
    return moved


def map_opening(motion: Array, points: Array, extent: tuple[float, float, float, float] | Array = EXTENT_MM) -> float:
    """Return by how many mm a map [channels,64,64] opens the closed mouth of ``points``; below 0 the lips press."""
    centres = sample_map(motion, points[[UPPER_LIP_CENTRE, LOWER_LIP_CENTRE], :2], extent)
    return float(centres[3, 1] - centres[1, 0])
