"""Finds faces: MediaPipe's two BlazeFace models (arXiv:1907.05047); anchors, decoding and suppression are ours."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.photo.litert import LiteModel

MIN_SCORE = 0.5
MAX_OVERLAP = 0.3
RIGHT_EYE, LEFT_EYE = 0, 1
PARTS = (1, 2, 3)
"""The picture is looked at whole, then in squares of half and of a third of its longer side."""


SHORT_RANGE_GRIDS = ((16, 2), (8, 6))
"""Cells a side and anchors a cell: strides 8 and 16 (three layers of two) on 128 pixels."""

FULL_RANGE_GRIDS = ((48, 1),)
"""Stride 4 on 192 pixels."""


@dataclass(frozen=True)
class Face:
    """A detected face in picture pixels."""

    score: float
    box: Floats
    """x0, y0, x1, y1."""
    keypoints: Floats
    """[6,2]: right eye, left eye, nose tip, mouth, right ear, left ear (the person's sides)."""

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


class FaceDetector:
    """Both models on the whole picture; on overlapping parts of it when that finds nothing (groups)."""

    def __init__(self, short_range: Path, full_range: Path) -> None:
        self._stages = [
            (LiteModel(short_range), anchors(SHORT_RANGE_GRIDS)),
            (LiteModel(full_range), anchors(FULL_RANGE_GRIDS)),
        ]

    def find(self, picture: Pixels) -> list[Face]:
        """Return the faces in the picture, the largest first."""
        for parts in PARTS:
            found = [face for tile in _tiles(picture, parts) for face in self._in_tile(picture, tile)]
            if found:
                return sorted(_once(found), key=lambda face: -face.area)
        return []

    def _in_tile(self, picture: Pixels, tile: tuple[int, int, int]) -> list[Face]:
        left, top, side = tile
        part = picture[top : top + side, left : left + side]
        corner = np.array([left, top], dtype=np.float32)
        faces = [face for model, centres in self._stages for face in _detect(model, centres, part)]
        return [Face(face.score, face.box + np.tile(corner, 2), face.keypoints + corner) for face in faces]


def _tiles(picture: Pixels, parts: int) -> list[tuple[int, int, int]]:
    """Return squares (left, top, side) of 1/parts of the longer side, half overlapping; the whole for 1."""
    height, width = picture.shape[:2]
    side = -(-max(height, width) // parts)
    if parts == 1:
        return [(0, 0, side)]
    steps = range(0, 2 * parts - 1)
    corners = [(x * side // 2, y * side // 2) for y in steps for x in steps]
    return [(x, y, side) for x, y in corners if x < width - side // 4 and y < height - side // 4]


def _once(faces: list[Face]) -> list[Face]:
    """Keep each face once, as whoever saw it best did."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        boxes = np.array([other.box for other in kept]).reshape(-1, 4)
        if not (_overlap(face.box, boxes) > MAX_OVERLAP).any():
            kept.append(face)
    return kept


def anchors(grids: tuple[tuple[int, int], ...]) -> Floats:
    """Return the anchor centres [n,2] in 0..1, row by row."""
    centres = []
    for side, per_cell in grids:
        middle = (np.arange(side, dtype=np.float32) + 0.5) / side
        grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(grid, per_cell, axis=0))
    return np.concatenate(centres)


def _detect(model: LiteModel, centres: Floats, picture: Pixels) -> list[Face]:
    height, width = picture.shape[:2]
    side = max(height, width)
    shrunk = cv2.resize(
        picture,
        (max(1, round(width * model.size / side)), max(1, round(height * model.size / side))),
        interpolation=cv2.INTER_AREA,
    )
    canvas = np.full((model.size, model.size, 3), -1.0, dtype=np.float32)
    top, left = (model.size - shrunk.shape[0]) // 2, (model.size - shrunk.shape[1]) // 2
    canvas[top : top + shrunk.shape[0], left : left + shrunk.shape[1]] = shrunk.astype(np.float32) / 127.5 - 1.0
    boxes, logits = model.run(canvas)
    faces = decode(boxes / model.size, logits[:, 0], centres)
    unit = side / model.size
    return [_to_picture(face, model.size, np.array([left, top], dtype=np.float32), unit) for face in faces]


def _to_picture(face: Face, size: int, offset: Floats, unit: float) -> Face:
    box = ((face.box.reshape(2, 2) * size - offset) * unit).reshape(4)
    return Face(face.score, box, (face.keypoints * size - offset) * unit)


def decode(values: Floats, logits: Floats, centres: Floats) -> list[Face]:
    """Turn raw outputs (already divided by the input size) into faces, overlapping ones merged by score."""
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits, -80.0, 80.0)))
    keep = np.flatnonzero(scores >= MIN_SCORE)
    order = keep[np.argsort(-scores[keep])]
    middles = centres[order] + values[order, :2]
    half = values[order, 2:4] / 2
    boxes = np.concatenate([middles - half, middles + half], axis=1)
    keypoints = values[order, 4:].reshape(-1, 6, 2) + centres[order][:, None]
    return _suppress(scores[order], boxes, keypoints)


def _suppress(scores: Floats, boxes: Floats, keypoints: Floats) -> list[Face]:
    """Weighted suppression: the boxes that overlap the best are averaged into it."""
    faces = []
    left = np.ones(len(scores), dtype=bool)
    for best in range(len(scores)):
        if not left[best]:
            continue
        group = left & (_overlap(boxes[best], boxes) > MAX_OVERLAP)
        group[best] = True
        left &= ~group
        weight = scores[group] / scores[group].sum()
        faces.append(
            Face(float(scores[best]), weight @ boxes[group], np.einsum("n,nkc->kc", weight, keypoints[group]))
        )
    return faces


def _overlap(box: Floats, boxes: Floats) -> Floats:
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(common / (np.prod(box[2:] - box[:2]) + areas - common + 1e-9), dtype=np.float32)
