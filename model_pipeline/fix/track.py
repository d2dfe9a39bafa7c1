"""Clip -> mouth curve: the engine's face mesh in every frame, head motion removed, millimetres."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from device_agent.engine import canonical, package
from device_agent.engine.photo.detector import Face, FaceDetector
from device_agent.engine.photo.mesh import MeshFinder
from model_pipeline.errors import FixError
from model_pipeline.fix.curve import FPS, MouthCurve, filled
from model_pipeline.fix.media import SAMPLE_RATE, read_frames, read_sound
from model_pipeline.fix.speech import speaking_frames

EYE_CENTRES = (canonical.RIGHT_IRIS, canonical.LEFT_IRIS)
LEAST_FOUND_SHARE = 0.5
"""With a face in fewer frames than this there is nothing to measure."""

SAMPLES_PER_FRAME = SAMPLE_RATE // FPS

REPEAT_SHARE = 0.9
"""A voice that is said again correlates as well: the first place with this share of the best peak is taken."""


class MouthTracker:
    """Finds the face in the first frame and follows it; looks for it again where it is lost."""

    def __init__(self, model: Path) -> None:
        self._detector = FaceDetector(model / package.DETECTOR, model / package.DETECTOR_FULL)
        self._mesh = MeshFinder(model / package.MESH, model / package.IRIS)

    def follow(self, pictures: Iterable[np.ndarray]) -> list[np.ndarray | None]:
        """Return the 478 points [478,3] of each picture in pixels, None where there is no face."""
        tracks: list[np.ndarray | None] = []
        last: np.ndarray | None = None
        for picture in pictures:
            last = self._next(picture, last)
            tracks.append(last)
        return tracks

    def _next(self, picture: np.ndarray, last: np.ndarray | None) -> np.ndarray | None:
        if last is not None:
            points = self._mesh.find(picture, _face_around(last))
            if points is not None:
                return np.asarray(points)
        faces = self._detector.find(picture)
        return self._mesh.find(picture, faces[0]) if faces else None


def _face_around(points: np.ndarray) -> Face:
    flat = points[:468, :2]
    keypoints = np.zeros((6, 2), np.float32)
    keypoints[:2] = points[list(EYE_CENTRES), :2]
    return Face(1.0, np.concatenate([flat.min(axis=0), flat.max(axis=0)]).astype(np.float32), keypoints)


def track_clip(clip: Path, voice: np.ndarray, model: Path) -> MouthCurve:
    """Return the mouth curve of ``clip``, which says the 16 kHz recording ``voice``."""
    tracks = MouthTracker(model).follow(read_frames(clip))
    opening, width, found = mouth_mm(tracks)
    if not len(found) or found.mean() < LEAST_FOUND_SHARE:
        raise FixError(
            f"Expected a face in the frames of {clip.name}, found one in {found.mean() if len(found) else 0:.0%}."
        )
    sound = read_sound(clip)
    return MouthCurve(
        opening_mm=filled(opening, found),
        width_mm=filled(width, found),
        found=found,
        silent=~_fitted(speaking_frames(sound, model), len(found)),
        voice_start_s=voice_start(sound, voice),
    )


def mouth_mm(tracks: Sequence[np.ndarray | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return opening and width in mm and whether a face was found, with the head laid on its first pose."""
    first = next((points for points in tracks if points is not None), None)
    found = np.array([points is not None for points in tracks], dtype=bool)
    opening, width = np.zeros(len(tracks)), np.zeros(len(tracks))
    if first is None:
        return opening, width, found
    reference = canonical.to_mm(first).apply(first)
    for index, points in enumerate(tracks):
        if points is not None:
            laid = canonical.align(points, reference).apply(points)
            opening[index], width[index] = canonical.opening(laid), canonical.width(laid)
    return opening, width, found


def voice_start(sound: np.ndarray, voice: np.ndarray) -> float:
    """Return where in ``sound`` the recording ``voice`` first begins, in seconds (by correlation)."""
    if not len(sound) or not len(voice) or not np.any(sound):
        return 0.0
    match = fftconvolve(sound.astype(np.float64), voice[::-1].astype(np.float64))
    best = match.max()
    firsts = np.flatnonzero(match >= REPEAT_SHARE * best)
    peak = int(firsts[0] + np.argmax(match[firsts[0] : firsts[0] + SAMPLES_PER_FRAME]))
    return (peak - len(voice) + 1) / SAMPLE_RATE


def _fitted(flags: np.ndarray, frames: int) -> np.ndarray:
    out = np.zeros(frames, dtype=bool)
    out[: min(frames, len(flags))] = flags[:frames]
    return out
