"""A pair of glasses as tubes: two rims, a bridge and two temples, placed on a person's eyes and ears."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
TUBE_MM, TUBE_SIDES, RIM_POINTS = 1.1, 6, 40
RIM_HALF_MM, ROUND_HALF_MM = (24.0, 17.5), (21.0, 20.0)
"""Half width and half height of a rim."""
SQUARENESS, ROUND = 3.2, 2.0
"""Exponents of the rims' superellipse."""
BEFORE_EYES_MM, BELOW_EYES_MM = 14.0, 3.0
"""The rims lie so far before the front of the lids, and so much below the pupils."""
EAR_MM = (72.0, -4.0, 82.0)
"""Where a temple ends: |x|, y, z."""


def build(eye_x: float, front_z: float, ear_x: float, *, rounded: bool) -> tuple[Floats, Ints]:
    """Return vertices [N,3] in mm and triangles [M,3]; ``eye_x`` is half the distance of the eyes."""
    half = ROUND_HALF_MM if rounded else RIM_HALF_MM
    power = ROUND if rounded else SQUARENESS
    z = front_z - BEFORE_EYES_MM
    angle = np.linspace(0, 2 * np.pi, RIM_POINTS, endpoint=False)
    across, down = (np.sign(f(angle)) * np.abs(f(angle)) ** (2 / power) for f in (np.cos, np.sin))
    parts = []
    for side in (-1.0, 1.0):
        centre = side * (eye_x + 1.0)
        rim = np.stack([centre + half[0] * across, BELOW_EYES_MM + half[1] * down, np.full(RIM_POINTS, z)], axis=1)
        rim[:, 2] += np.square(rim[:, 0] / 60.0) * 9.0
        outer = side * (eye_x + 1.0 + half[0])
        hinge = np.array([outer, BELOW_EYES_MM - 0.45 * half[1], z + np.square(outer / 60.0) * 9.0])
        corner = np.array([side * (ear_x + 1.0), hinge[1], hinge[2] + 12.0])
        ear = np.array([side * ear_x, EAR_MM[1], EAR_MM[2]])
        parts += [_tube(rim, closed=True), _tube(np.stack([hinge, corner, ear]), closed=False)]
    inner = eye_x + 1.0 - half[0]
    bridge = np.array([(-inner, 0, 0), (-0.5 * inner, -2.5, -1.0), (0.5 * inner, -2.5, -1.0), (inner, 0, 0)])
    parts.append(_tube(bridge + np.array([0, BELOW_EYES_MM - 4.0, z]), closed=False))
    points, triangles, count = [], [], 0
    for vertices, faces in parts:
        points.append(vertices)
        triangles.append(faces + count)
        count += len(vertices)
    return np.concatenate(points).astype(np.float32), np.concatenate(triangles)


def _tube(line: NDArray[np.float64], *, closed: bool) -> tuple[NDArray[np.float64], Ints]:
    """Return a tube around a line [N,3]."""
    after, before = np.roll(line, -1, axis=0), np.roll(line, 1, axis=0)
    if not closed:
        after[-1], before[0] = line[-1], line[0]
    along = after - before
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    first = np.cross(along, np.where(np.abs(along[:, 2:]) < 0.7, [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    angle = np.linspace(0, 2 * np.pi, TUBE_SIDES, endpoint=False)
    ring = np.cos(angle)[None, :, None] * first[:, None] + np.sin(angle)[None, :, None] * second[:, None]
    points = (line[:, None] + TUBE_MM * ring).reshape(-1, 3)
    segments = np.arange(len(line) if closed else len(line) - 1)
    here, there = segments[:, None] * TUBE_SIDES, ((segments + 1) % len(line))[:, None] * TUBE_SIDES
    side, following = np.arange(TUBE_SIDES)[None], (np.arange(TUBE_SIDES)[None] + 1) % TUBE_SIDES
    quads = np.stack([here + side, here + following, there + following, there + side], axis=-1).reshape(-1, 4)
    return points, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
