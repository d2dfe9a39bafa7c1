"""Everything that is measured once about a photo: the frame it is shown in, the face, its pose, its mouth at rest."""

from dataclasses import dataclass, replace

import numpy as np

from device_agent.engine import canonical, package
from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.compose import Canvas, compose, to_yuv
from device_agent.engine.photo.aligned import aligned_crop
from device_agent.engine.photo.detector import FaceDetector
from device_agent.engine.photo.eyes import EyeLine, find_eyes
from device_agent.engine.photo.glare import about_glare, glare_share
from device_agent.engine.photo.lips import LipLine, find_lip_line
from device_agent.engine.photo.mesh import MeshFinder
from device_agent.errors import NoFace

SMALL_EYES_PX = 40.0
"""Between the eyes in the photo; with fewer, lips are a few pixels high."""

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
    """How many faces the photo shows."""
    face_boxes: tuple[tuple[int, int, int, int], ...] = ()
    """Left, top, right, bottom of every face in the frame, from left to right."""
    eyes: tuple[EyeLine, ...] = ()
    """The eyes that can blink."""
    blinkless: str = ""
    """Why the portrait cannot blink; empty when it can."""
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

    def read(self, photo: Pixels, width: int, height: int, *, face: int | None = None) -> Portrait:
        """Measure the largest face, or number ``face`` counted from the left, from 1.

        Raises NoFace when there is none, or none of that number.
        """
        found = self._faces(photo)
        landmarks = self._chosen(found, face)
        canvas = compose(photo, width, height)
        lids = self._mesh.lids(photo, landmarks)
        portrait = measure(photo, landmarks, canvas, self._points, faces=len(found), lids=lids)
        boxes = tuple(_bounds(canvas.place(points)) for points in sorted(found, key=_from_left))
        notes = _about_size(landmarks) + about_glare(glare_share(photo, landmarks))
        return replace(portrait, face_boxes=boxes, warnings=portrait.warnings + notes)

    def _faces(self, photo: Pixels) -> list[Floats]:
        """Return the landmarks [478,3] of every face, the largest first."""
        meshes = [self._mesh.find(photo, face) for face in self._detector.find(photo)]
        return [mesh for mesh in meshes if mesh is not None]

    def _chosen(self, found: list[Floats], face: int | None) -> Floats:
        if not found:
            raise NoFace(
                "no face was found in the photo; use one that shows a face from the front or half side, not too small"
            )
        if face is None:
            return found[0]
        if not 1 <= face <= len(found):
            many = "1 face" if len(found) == 1 else f"{len(found)} faces"
            raise NoFace(f"face {face} was asked for, the photo shows {many}; count from the left, from 1")
        return sorted(found, key=_from_left)[face - 1]


def _from_left(landmarks: Floats) -> float:
    return float(landmarks[:, 0].mean())


def _bounds(landmarks: Floats) -> tuple[int, int, int, int]:
    (left, top), (right, bottom) = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    return round(float(left)), round(float(top)), round(float(right)), round(float(bottom))


def _about_size(landmarks: Floats) -> tuple[str, ...]:
    eyes = float(np.linalg.norm(landmarks[canonical.RIGHT_IRIS, :2] - landmarks[canonical.LEFT_IRIS, :2]))
    if eyes >= SMALL_EYES_PX:
        return ()
    return (
        f"the face is small: {eyes:.0f} pixels between the eyes, {SMALL_EYES_PX:.0f} or more give a clear picture; "
        "scan the photo finer, or closer",
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
    eyes, blinkless = find_eyes(placed, canvas.place(lids), to_canvas)
    return Portrait(
        canvas=canvas, yuv=yuv, landmarks=placed, to_canvas=to_canvas, lips=lips,
        rest_opening_mm=float(lips.lower[middle] - lips.upper[middle]) / to_canvas.scale,
        rest_width_mm=float(canonical.width(canonical.to_mm(placed).apply(placed))),
        prompt=aligned_crop(photo, canonical.align(points, landmarks)), faces=faces,
        eyes=eyes, blinkless=blinkless,
    )  # fmt: skip
