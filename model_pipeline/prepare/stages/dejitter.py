"""Stage ``dejitter``: landmarks that tremble between frames are held by the motion that the pixels show.

Sparse optical flow (pyramidal Lucas-Kanade; Bouguet 2001) measures how each point moves from frame to frame; the
detector says where it is, with noise of its own in every frame. The path that agrees best with both, in least
squares, is a tridiagonal system for each point (a Kalman smoother for a static gain; Rauch, Tung, Striebel 1965). It
neither lags nor shrinks: where the flow cannot be trusted (forward and backward disagree, as when teeth appear) the
detector alone counts. Depth is left as detected: pictures do not show it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.prepare.clip import PICTURES, read_clip, read_jpegs, write_clip
from model_pipeline.prepare.faces import eyes_apart
from model_pipeline.prepare.outcome import Outcome
from model_pipeline.prepare.progress import Tick

NAME = "dejitter"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DejitterSettings:
    """What is trusted how far; standard deviations in mm on the face (63 mm between the eyes)."""

    detector_mm: float = 0.35
    """Noise of a detected point from frame to frame (the tracks' measured floor is 0.3 to 0.4)."""
    flow_mm: float = 0.08
    """Noise of a motion that flow measures: about a tenth of a pixel."""
    distrust_mm: float = 1.0
    """Flow whose way there and back ends further off than this is not used."""
    window_px: int = 15
    """Side of the patch that Lucas-Kanade compares."""


class Watched(NamedTuple):
    """What optical flow saw: ``moves`` [T-1,N,2] in pixels, ``trust`` [T-1,N] (0: not at all; 1: as a detection)."""

    moves: Floats
    trust: Floats


def dejitter(source: Path, target: Path, settings: DejitterSettings, tick: Tick) -> Outcome:
    """Write the clip of ``source`` with steady landmarks."""
    clip = read_clip(source)
    pictures = [
        cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE) for jpeg in read_jpegs(source / PICTURES)
    ]
    seen = watched(clip.landmarks, pictures, settings, tick)
    steady = steadied(clip.landmarks, seen)
    write_clip(target / clip.id, replace(clip, landmarks=steady), source, pictures=True)
    figures = {
        "jitter_before_mm": jitter(clip.landmarks, seen),
        "jitter_after_mm": jitter(steady, seen),
        "flow_trusted_share": float((seen.trust > 0).mean()) if seen.trust.size else 0.0,
    }
    return Outcome([clip.id], [], clip.seconds, clip.seconds, figures)


def jitter(landmarks: NDArray[np.floating], seen: Watched) -> float:
    """Return the mean distance in mm a frame between how points [T,478,3] move and how the pixels under them do."""
    trusted = seen.trust > 0
    if not trusted.any():
        return 0.0
    away = np.diff(landmarks[..., :2], axis=0) - seen.moves
    return float((np.linalg.norm(away, axis=-1) * trusted).sum() / trusted.sum()) * mm_per_px(landmarks)


def mm_per_px(landmarks: NDArray[np.floating]) -> float:
    """Return millimetres of one pixel, from the median distance between the eyes."""
    return canonical.INTEROCULAR_MM / max(float(np.median(eyes_apart(landmarks))), 1e-6)


def watched(
    landmarks: NDArray[np.float32], pictures: list[NDArray[np.uint8]], settings: DejitterSettings, tick: Tick
) -> Watched:
    """Return how grey ``pictures`` move under landmarks [T,478,3], and how far that is to be trusted."""
    unit = mm_per_px(landmarks)
    moves = np.zeros((len(landmarks) - 1, landmarks.shape[1], 2))
    trust = np.zeros(moves.shape[:2])
    for t in range(len(moves)):
        moves[t], off = flow(pictures[t], pictures[t + 1], landmarks[t, :, :2], settings.window_px)
        variance = settings.flow_mm**2 + np.square(off * unit)
        trust[t] = np.where(off * unit < settings.distrust_mm, settings.detector_mm**2 / variance, 0.0)
        tick((t + 1) / len(moves))
    return Watched(moves, trust)


def steadied(landmarks: NDArray[np.float32], seen: Watched) -> NDArray[np.float32]:
    """Return landmarks [T,478,3] that follow both the detector and what was seen to move."""
    out = landmarks.copy()
    out[..., :2] = smoothest(landmarks[..., :2].astype(np.float64), seen.moves, seen.trust)
    return out


def flow(
    before: NDArray[np.uint8], after: NDArray[np.uint8], points: NDArray[np.float32], window: int
) -> tuple[Floats, Floats]:
    """Return how ``points`` [N,2] move [N,2] in pixels, and by how much the way back misses them [N] (inf: lost)."""
    start = np.ascontiguousarray(points, dtype=np.float32)[:, None]
    size = {"winSize": (window, window), "maxLevel": 2}
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, start, start.copy(), **size)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, there, start.copy(), **size)
    off = np.linalg.norm((back - start)[:, 0], axis=1).astype(np.float64)
    off[(found[:, 0] == 0) | (again[:, 0] == 0)] = np.inf
    return (there - start)[:, 0].astype(np.float64), off


def smoothest(detected: Floats, moves: Floats, trust: Floats) -> Floats:
    """Return x [T,N,2] with the least sum of |x_t - detected_t|^2 + trust_t |x_t - x_(t-1) - move_t|^2.

    ``moves`` [T-1,N,2], ``trust`` [T-1,N]. Thomas' algorithm, all points side by side.
    """
    count = len(detected)
    weight = trust[..., None]
    diagonal = np.ones((count, detected.shape[1], 1))
    diagonal[1:] += weight
    diagonal[:-1] += weight
    right = detected.copy()
    right[1:] += weight * moves
    right[:-1] -= weight * moves
    for t in range(1, count):
        share = weight[t - 1] / diagonal[t - 1]
        diagonal[t] = diagonal[t] - share * weight[t - 1]
        right[t] += share * right[t - 1]
    out = np.empty_like(right)
    out[-1] = right[-1] / diagonal[-1]
    for t in range(count - 2, -1, -1):
        out[t] = (right[t] + weight[t] * out[t + 1]) / diagonal[t]
    return out
