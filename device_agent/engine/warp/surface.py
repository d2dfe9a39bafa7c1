"""Carries canonical face coordinates onto the photo: for a grid of pixels, the millimetres that each one shows.

A thin-plate spline through the face's landmarks (Bookstein, IEEE PAMI 11(6), 1989), relaxed so that it stays smooth
where landmarks crowd at the edge of a turned face.
"""

import cv2
import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.canonical import RIGHT_IRIS

RELAXATION = 0.02
"""Weight of smoothness; positions are in units of the face's size."""

COARSE = 4
"""The spline is evaluated at every fourth grid node and interpolated between."""


def canonical_grid(landmarks: Floats, points: Floats, x: Floats, y: Floats) -> Floats:
    """Return [len(y), len(x), 2]: canonical x, y in mm at each picture position of the grid."""
    centre = landmarks[:RIGHT_IRIS, :2].mean(axis=0).astype(np.float64)
    size = float(np.ptp(landmarks[:RIGHT_IRIS, 1])) or 1.0
    source = (landmarks[:RIGHT_IRIS, :2].astype(np.float64) - centre) / size
    weights = _fit(source, points[:RIGHT_IRIS, :2].astype(np.float64))
    coarse_x, coarse_y = _thin_out(x), _thin_out(y)
    place = np.stack(np.meshgrid(coarse_x, coarse_y), axis=-1).reshape(-1, 2)
    values = _evaluate(source, weights, (place - centre) / size)
    coarse = values.reshape(len(coarse_y), len(coarse_x), 2).astype(np.float32)
    columns = np.interp(x, coarse_x, np.arange(len(coarse_x))).astype(np.float32)
    rows = np.interp(y, coarse_y, np.arange(len(coarse_y))).astype(np.float32)
    at_x, at_y = np.meshgrid(columns, rows)
    return np.asarray(cv2.remap(coarse, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


def _thin_out(positions: Floats) -> Floats:
    count = max(2, -(-len(positions) // COARSE) + 1)
    return np.linspace(float(positions[0]), float(positions[-1]), count)


def _fit(source: Floats, target: Floats) -> Floats:
    count = len(source)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _bending(source, source) + RELAXATION * np.eye(count)
    system[:count, count:] = np.concatenate([np.ones((count, 1)), source], axis=1)
    system[count:, :count] = system[:count, count:].T
    weights: Floats = np.linalg.solve(system, np.concatenate([target, np.zeros((3, 2))]))
    return weights


def _evaluate(source: Floats, weights: Floats, place: Floats) -> Floats:
    plane = np.concatenate([np.ones((len(place), 1)), place], axis=1)
    values: Floats = _bending(place, source) @ weights[:-3] + plane @ weights[-3:]
    return values


def _bending(a: Floats, b: Floats) -> Floats:
    square = np.square(a[:, None] - b[None]).sum(axis=-1)
    return np.asarray(0.5 * square * np.log(np.maximum(square, 1e-12)))
