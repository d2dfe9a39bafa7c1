"""The space of facial motion: canonical face, principal components of the lower face, and their 64x64 maps.

A motion is a few coefficients; 0 is the closed mouth. Their map is a fixed linear operator: a Gaussian-process
interpolation of landmark displacements, held at 0 on the upper face and at the border of the map. The upper layer
leaves out the points below the lip line, the lower layer those of the upper lip, so each layer is smooth by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.data.tracks import Track, by_speaker, closed_mouth
from model_pipeline.errors import DataMissing

Floats = NDArray[np.float64]
COEFFICIENTS = 16
UNIT_MM = 10.0
"""Coefficients are divided by this, so that speech has values around 1."""
_SPEAKER_FRAMES = 250
"""Frames of each speaker that enter the components: balance by speaker."""
_LENGTH_MM, _NOISE = 17.0, 0.003
_TOP_MM = 18.0
"""Points above this line (below the lower lids) are held still."""
_JAW_HALF_WIDTH_MM = 40.0


@dataclass(frozen=True)
class MotionBasis:
    """Everything that turns aligned faces into coefficients and coefficients into maps."""

    points: NDArray[np.float32]
    """[478,3] canonical closed-mouth face, mm."""
    components: NDArray[np.float32]
    """[COEFFICIENTS, 478*2]: x and y displacement in mm of one unit."""
    maps: NDArray[np.float32]
    """[COEFFICIENTS,4,64,64]: the same as maps."""
    opening_map: NDArray[np.float32]
    """[4,64,64]: a mouth opened by 1 mm."""

    def coefficients(self, displacement: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return [T,COEFFICIENTS] of canonical displacements [T,478,2] in mm."""
        flat = displacement.reshape(displacement.shape[0], -1) * _moving_weight(self.points)
        return (flat @ self.components.T / UNIT_MM**2).astype(np.float32)

    def map_of(self, coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the map [4,64,64] of one motion."""
        return np.tensordot(coefficients, self.maps, axes=1).astype(np.float32)


def canonical_face(tracks: list[Track], mirror: NDArray[np.int64]) -> Floats:
    """Return the mean closed-mouth face of all speakers, symmetric and frontal, [478,3] mm."""
    neutrals = [closed_mouth(np.concatenate([t.points for t in group])) for group in by_speaker(tracks).values()]
    return mean_face(neutrals, mirror)


def mean_face(faces: Sequence[NDArray[np.floating]], mirror: NDArray[np.int64]) -> Floats:
    """Return the mean of closed-mouth faces [478,3], symmetric and frontal, in mm."""
    mean = faces[0].astype(np.float64)
    for _ in range(4):
        aligned = [canonical.align(face, mean).apply(face) for face in faces]
        mean = _frontal(np.mean(aligned, axis=0), mirror)
    return canonical.to_mm(mean).apply(mean)


def _frontal(face: Floats, mirror: NDArray[np.int64]) -> Floats:
    """Return ``face`` made symmetric, its plane of symmetry turned to x = 0."""
    other = face[mirror] * np.array([-1.0, 1.0, 1.0])
    face = (face + canonical.fit_similarity(other, face).apply(other)) / 2
    across = face - face[mirror]
    side = across[np.abs(across[:, 0]) > 20.0]
    normal = np.mean(side * np.sign(side[:, :1]), axis=0)
    x = normal / np.linalg.norm(normal)
    y = np.array([0.0, 1.0, 0.0]) - x * x[1]
    y /= np.linalg.norm(y)
    return face @ np.stack([x, y, np.cross(x, y)]).T


def mirror_index(data: Path) -> NDArray[np.int64]:
    """Return which landmark lies on the other side of the face, from the shared head model."""
    path = data / "ict_facekit.npz"
    if not path.is_file():
        raise DataMissing(f"{path} is missing; name the folder of the shared data with --data DIR")
    with np.load(path) as packed:
        return packed["mediapipe_mirror"].astype(np.int64)


def displacement(frames: NDArray[np.float32], neutral: NDArray[np.float32], points: Floats) -> NDArray[np.float32]:
    """Return canonical x, y displacement [T,478,2] in mm of ``frames`` from the speaker's ``neutral`` face."""
    turn = canonical.align(neutral, points)
    moved = (frames - neutral) @ turn.rotation.T * turn.scale
    return moved[..., :2].astype(np.float32)


def _moving(points: Floats) -> NDArray[np.bool_]:
    return np.asarray(points[:, 1] > _TOP_MM) & (np.arange(points.shape[0]) < canonical.RIGHT_IRIS)


def _moving_weight(points: Floats) -> NDArray[np.float32]:
    """Weight [478*2] of each displacement in the components: lips count most, the still face not at all."""
    weight = np.where(_moving(points), 0.3, 0.0)
    weight[list(canonical.LIPS)] = 1.0
    return np.repeat(weight, 2).astype(np.float32)


def build(tracks: list[Track], mirror: NDArray[np.int64]) -> MotionBasis:
    """Fit canonical face, components and maps to the motion (never the sound) of ``tracks``."""
    points = canonical_face(tracks, mirror)
    samples = []
    for group in by_speaker(tracks).values():
        frames = np.concatenate([t.points for t in group])
        moved = displacement(frames, closed_mouth(frames), points)
        pick = np.linspace(0, moved.shape[0] - 1, _SPEAKER_FRAMES).astype(int)
        samples.append(moved[pick].reshape(_SPEAKER_FRAMES, -1))
    return of_motion(points, np.concatenate(samples).astype(np.float64), mirror)


def of_motion(points: Floats, motion: Floats, mirror: NDArray[np.int64]) -> MotionBasis:
    """Fit components and maps to displacements [N,478*2] in mm of a canonical face [478,3], and to their mirror."""
    other = motion.reshape(-1, 478, 2)[:, mirror] * np.array([-1.0, 1.0])
    motion = np.concatenate([motion, other.reshape(motion.shape)])
    components = _components(motion, _moving_weight(points))
    maps = np.stack([_dense(points, c.reshape(478, 2)) for c in components])
    coefficients = motion * _moving_weight(points) @ components.T / UNIT_MM**2
    gap = (motion.reshape(-1, 478, 2)[:, 14, 1] - motion.reshape(-1, 478, 2)[:, 13, 1])[:, None]
    slope = (coefficients * gap).sum(axis=0) / np.square(gap).sum()
    opening = np.tensordot(slope, maps, axes=1)
    opening /= canonical.map_opening(opening, points)
    return MotionBasis(
        points.astype(np.float32), components.astype(np.float32), maps.astype(np.float32), opening.astype(np.float32)
    )


def _components(motion: Floats, weight: NDArray[np.float32]) -> Floats:
    """Uncentred principal components under ``weight``: rows are displacement in mm of one unit."""
    root = np.sqrt(weight.astype(np.float64))
    _, _, rows = np.linalg.svd(motion * root, full_matrices=False)
    rows = rows[:COEFFICIENTS]
    back = np.divide(rows, root, out=np.zeros_like(rows), where=root > 0)
    return back * UNIT_MM


def _kernel(a: Floats, b: Floats) -> Floats:
    square = np.square(a[:, None, :] - b[None, :, :]).sum(axis=-1)
    return np.exp(-square / (2 * _LENGTH_MM**2))


def _dense(points: Floats, moved: Floats) -> Floats:
    """Return the map [4,64,64] of the landmark displacement ``moved`` [478,2]."""
    x, y = canonical.grid_mm()
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    below, lip_top = _sides(points)
    layers = []
    for left_out in (below, lip_top):
        use = ~left_out
        place = np.concatenate([points[use, :2], _border()])
        value = np.concatenate([np.where(_moving(points)[use, None], moved[use], 0.0), np.zeros((len(_border()), 2))])
        weights = np.linalg.solve(_kernel(place, place) + _NOISE * np.eye(len(place)), value)
        layers.append((_kernel(grid, place) @ weights).T.reshape(2, canonical.MAP_SIZE, canonical.MAP_SIZE))
    return np.concatenate(layers)


def _sides(points: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Points that the upper layer leaves out (below the lip line), and that the lower one does (upper lip)."""
    upper = [i for i in canonical.INNER_LIP if i in canonical.UPPER_LIP]
    order = sorted([*upper, 78, 308], key=lambda i: float(points[i, 0]))
    line = np.interp(points[:, 0], points[order, 0], points[order, 1])
    half = abs(points[canonical.LEFT_CORNER, 0])
    across = np.abs(points[:, 0])
    inner = set(canonical.INNER_LIP) | set(canonical.OUTER_LIP)
    lower_named = np.isin(np.arange(478), canonical.LOWER_LIP)
    upper_named = np.isin(np.arange(478), canonical.UPPER_LIP)
    corner = np.isin(np.arange(478), canonical.CORNERS)
    unnamed = ~np.isin(np.arange(478), list(inner))
    below = (points[:, 1] > line) & (across < _JAW_HALF_WIDTH_MM) & unnamed
    nose_base = points[2, 1]
    above = (points[:, 1] <= line) & (points[:, 1] > nose_base + 4.0) & (across < half) & unnamed
    return (below | lower_named) & ~corner, (above | upper_named) & ~corner


def _border() -> Floats:
    """Anchors that stay still around the map."""
    x0, y0, x1, y1 = canonical.EXTENT_MM
    xs, ys = np.linspace(x0, x1, 14), np.linspace(y0, y1, 14)
    edge = [(x, y0) for x in xs] + [(x, y1) for x in xs] + [(x0, y) for y in ys] + [(x1, y) for y in ys]
    return np.array(edge)
