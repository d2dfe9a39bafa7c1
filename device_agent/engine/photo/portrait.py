"""Everything that is measured once about a photo: the frame it is shown in, the face, its pose, its mouth at rest."""

from dataclasses import dataclass

import numpy as np

from device_agent.engine import canonical, package
from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.compose import Canvas, compose, to_yuv
from device_agent.engine.photo.aligned import aligned_crop
from device_agent.engine.photo.detector import FaceDetector
from device_agent.engine.photo.eyes import EyeLine, find_eyes
from device_agent.engine.photo.lips import LipLine, find_lip_line
from device_agent.engine.photo.mesh import MeshFinder
from device_agent.errors import NoFace

FACE_MARGIN = 1.25
"""Side of the face box, in lengths of the face mesh."""


@dataclass(frozen=True)
class Portrait:
    """A photo ready to be moved; all coordinates are pixels of the video's frame."""

    canvas: Canvas
    yuv: Pixels
    """The frame as YUV 4:4:4."""
    landmarks: Floats
    """[478,3]."""
    to_canvas: canonical.Similarity
    """Canonical millimetres to pixels: the head's pose."""
    lips: LipLine
    rest_opening_mm: float
    rest_width_mm: float
    prompt: Floats
    """[1,3,256,256] RGB 0..1 for the prompt graph."""
    faces: int
    """How many faces the photo shows; the largest is used."""
    eyes: tuple[EyeLine, ...] = ()
    """The eyes that can blink."""
    warnings: tuple[str, ...] = ()

    @property
    def px_per_mm(self) -> float:
        """Scale of the face in the frame."""
        return self.to_canvas.scale

    @property
    def face_box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of a square around the face, with a margin, inside the frame."""
        low, high = self.landmarks[:, :2].min(axis=0), self.landmarks[:, :2].max(axis=0)
        middle = (low + high) / 2
        height, width = self.canvas.pixels.shape[:2]
        half = min(float((high - low).max()) * FACE_MARGIN / 2, height / 2, width / 2)
        left, top = np.clip(middle - half, 0, np.array([width, height]) - 2 * half)
        return round(float(left)), round(float(top)), round(float(left + 2 * half)), round(float(top + 2 * half))

    @property
    def yaw_degrees(self) -> float:
        """How far the head is turned; positive towards the picture's left edge."""
        return canonical.yaw_degrees(self.to_canvas)


class PortraitReader:
    """Finds and measures the face of a photo with the face models of a package."""

    def __init__(self, model: package.ModelPackage) -> None:
        self._detector = FaceDetector(model.path(package.DETECTOR), model.path(package.DETECTOR_FULL))
        self._mesh = MeshFinder(model.path(package.MESH), model.path(package.IRIS))
        self._points = model.constants().points

    def read(self, photo: Pixels, width: int, height: int) -> Portrait:
        """Measure the largest face; raises NoFace when there is none."""
        landmarks, faces = self._largest(photo)
        canvas = compose(photo, width, height)
        lids = self._mesh.lids(photo, landmarks)
        return measure(photo, landmarks, canvas, self._points, faces=faces, lids=lids)

    def _largest(self, photo: Pixels) -> tuple[Floats, int]:
        found = self._detector.find(photo)
        for face in found:
            landmarks = self._mesh.find(photo, face)
            if landmarks is not None:
                return landmarks, len(found)
        raise NoFace(
            "no face was found in the photo; use one that shows a face from the front or half side, not too small"
        )


def measure(
    photo: Pixels, landmarks: Floats, canvas: Canvas, points: Floats, *, lids: Floats, faces: int = 1
) -> Portrait:
    """Derive pose, lip line, lids and rest shape from ``landmarks`` [478,3] and ``lids`` in pixels of ``photo``."""
    placed = canvas.place(landmarks)
    to_canvas = canonical.align(points, placed)
    yuv = to_yuv(canvas.pixels)
    lips = find_lip_line(yuv, placed, to_canvas.scale)
    middle = len(lips.along) // 2
    eyes, sightless = find_eyes(placed, canvas.place(lids), to_canvas)
    return Portrait(
        canvas=canvas, yuv=yuv, landmarks=placed, to_canvas=to_canvas, lips=lips,
        rest_opening_mm=float(lips.lower[middle] - lips.upper[middle]) / to_canvas.scale,
        rest_width_mm=float(canonical.width(canonical.to_mm(placed).apply(placed))),
        prompt=aligned_crop(photo, canonical.align(points, landmarks)), faces=faces,
        eyes=eyes, warnings=(sightless,) if sightless else (),
    )  # fmt: skip
