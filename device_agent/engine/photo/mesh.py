"""478 points of one face: MediaPipe's mesh (468) and iris models (5 for each eye), refined from their own result."""

from pathlib import Path

import numpy as np

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.photo.crop import Square, angle_between, square_around
from device_agent.engine.photo.detector import LEFT_EYE, RIGHT_EYE, Face
from device_agent.engine.photo.litert import LiteModel

MESH_POINTS = 468
IRIS_POINTS = 5
GROW = 1.5
"""The mesh model was trained on squares 1.5 times the face."""

EYE_GROW = 2.3
EYE_CORNERS = {"right": (33, 133), "left": (362, 263)}
"""Of the person; outer and inner in picture order, so that the line between them runs to the right."""

CONTOUR_POINTS = 71
LOWER_CONTOUR, UPPER_CONTOUR = (0, 1, 2, 3, 4, 5, 6, 7, 8), (0, 9, 10, 11, 12, 13, 14, 15, 8)
"""Of the iris model's points: both lids, from the outer corner to the inner."""

PASSES = 3
"""The first square comes from the detector; the following from the mesh itself, as in tracking."""

MIN_PRESENCE = 0.5


class MeshFinder:
    """Places the points on a detected face."""

    def __init__(self, mesh: Path, iris: Path) -> None:
        self._mesh, self._iris = LiteModel(mesh), LiteModel(iris)

    def find(self, picture: Pixels, face: Face) -> Floats | None:
        """Return [478,3] in picture pixels (z on the same scale, smaller is nearer), None when it is no face."""
        angle = angle_between(face.keypoints[RIGHT_EYE], face.keypoints[LEFT_EYE])
        corners = face.box.reshape(2, 2)
        x, y = map(float, corners.mean(axis=0))
        square = Square(x, y, float((corners[1] - corners[0]).max()) * GROW, angle)
        for _ in range(PASSES):
            points, presence = self._place(picture, square)
            if presence < MIN_PRESENCE:
                return None
            square = square_around(points[:, :2], angle_between(points[33], points[263]), GROW)
        irises = [self._place_iris(picture, points, side) for side in ("right", "left")]
        return np.concatenate([points, *irises])

    def _place(self, picture: Pixels, square: Square) -> tuple[Floats, float]:
        crop = square.cut(picture, self._mesh.size).astype(np.float32) / 255.0
        values, logit = self._mesh.run(crop)
        points = values.reshape(MESH_POINTS, 3)
        presence = 1.0 / (1.0 + float(np.exp(-logit[0, 0])))
        return _to_picture(points, square, self._mesh.size), presence

    def lids(self, picture: Pixels, points: Floats) -> Floats:
        """Return [eye, lid, 9, 3]: the lids as the iris model sees them; right eye and upper lid first."""
        contours = [self._look_at_eye(picture, points, side)[0] for side in ("right", "left")]
        return np.stack([contour[[UPPER_CONTOUR, LOWER_CONTOUR]] for contour in contours])

    def _place_iris(self, picture: Pixels, points: Floats, side: str) -> Floats:
        placed = self._look_at_eye(picture, points, side)[1]
        placed[:, 2] = points[list(EYE_CORNERS[side]), 2].mean()
        return placed

    def _look_at_eye(self, picture: Pixels, points: Floats, side: str) -> tuple[Floats, Floats]:
        """Return contours [71,3] and iris [5,3]; the model knows left eyes, the right eye is shown mirrored."""
        mirrored = side == "right"
        first, second = points[list(EYE_CORNERS[side])]
        square = square_around(np.stack([first[:2], second[:2]]), angle_between(first, second), EYE_GROW)
        crop = square.cut(picture, self._iris.size, mirrored=mirrored).astype(np.float32) / 255.0
        contours, iris = self._iris.run(crop)[:2]
        size = self._iris.size
        return (
            _to_picture(contours.reshape(CONTOUR_POINTS, 3), square, size, mirrored=mirrored),
            _to_picture(iris.reshape(IRIS_POINTS, 3), square, size, mirrored=mirrored),
        )


def _to_picture(points: Floats, square: Square, size: int, *, mirrored: bool = False) -> Floats:
    matrix = square.to_picture(size, mirrored=mirrored)
    flat = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    depth = points[:, 2:] * (square.side / size)
    return np.concatenate([flat, depth], axis=1).astype(np.float32)
