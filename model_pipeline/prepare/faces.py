"""The face of a recording: found by the engine's detector, followed by the engine's mesh, counted now and then."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from device_agent.engine import canonical
from device_agent.engine.package import DETECTOR, DETECTOR_FULL, IRIS, MESH
from device_agent.engine.photo.detector import Face, FaceDetector
from device_agent.engine.photo.mesh import MESH_POINTS, MeshFinder
from frame_protocol.model_package import WEIGHTS
from model_pipeline.data import third_party
from model_pipeline.export.package import WEIGHTS_DIR

Landmarks = NDArray[np.float32]
RIVAL_SHARE = 0.3
"""A second face counts from this share of the first one's area: posters and passers-by are smaller."""
KEYPOINTS = 6


@dataclass(frozen=True)
class Sight:
    """What is seen in one picture."""

    landmarks: Landmarks | None
    """[478,3] in pixels; None without a face."""
    faces: int


class FaceFinder(Protocol):
    """Whoever finds and follows faces."""

    def look(self, picture: NDArray[np.uint8]) -> Sight:
        """Look at the whole picture: find and count faces, place the points on the largest."""
        ...

    def follow(self, picture: NDArray[np.uint8], last: Landmarks) -> Landmarks | None:
        """Place the points where the face was in the picture before."""
        ...


class MeshTracker:
    """The engine's own models."""

    def __init__(self) -> None:
        files = third_party.model_files()
        self._detector = FaceDetector(files[DETECTOR], files[DETECTOR_FULL])
        self._mesh = MeshFinder(files[MESH], files[IRIS])

    def look(self, picture: NDArray[np.uint8]) -> Sight:
        """Look at the whole picture: find and count faces, place the points on the largest."""
        faces = self._detector.find(picture)
        if not faces:
            return Sight(None, 0)
        count = sum(face.area >= RIVAL_SHARE * faces[0].area for face in faces)
        return Sight(self._mesh.find(picture, faces[0]), count)

    def follow(self, picture: NDArray[np.uint8], last: Landmarks) -> Landmarks | None:
        """Place the points where the face was in the picture before."""
        return self._mesh.find(picture, face_at(last))


def face_at(points: Landmarks) -> Face:
    """Return where a face of known landmarks [478,3] is, as the detector would."""
    flat = points[:MESH_POINTS, :2]
    keypoints = np.zeros((KEYPOINTS, 2), np.float32)
    keypoints[:2] = points[[canonical.RIGHT_IRIS, canonical.LEFT_IRIS], :2]
    return Face(1.0, np.concatenate([flat.min(axis=0), flat.max(axis=0)]).astype(np.float32), keypoints)


@cache
def canonical_points() -> NDArray[np.float32]:
    """Return the canonical face [478,3] in mm of the weights that ship."""
    return np.asarray(load_file(WEIGHTS_DIR / WEIGHTS)["canonical.points"], dtype=np.float32)


def eyes_apart(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the distance of the iris centres of [...,478,3], in its own unit."""
    away = landmarks[..., canonical.LEFT_IRIS, :] - landmarks[..., canonical.RIGHT_IRIS, :]
    return np.asarray(np.linalg.norm(away, axis=-1))


def poses(landmarks: NDArray[np.floating]) -> list[canonical.Similarity]:
    """Return the pose of each frame [T,478,3]: canonical millimetres to its own pixels."""
    points = canonical_points()
    return [canonical.align(points, frame) for frame in landmarks]
