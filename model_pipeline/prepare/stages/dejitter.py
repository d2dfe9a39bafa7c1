"""Stage ``dejitter``: landmarks that tremble between frames are held by the motion that the pixels show.

Sparse optical flow (pyramidal Lucas-Kanade; Bouguet 2001) measures how each point moves from frame to frame; the
detector says where it is, with noise of its own in every frame. The path that agrees best with both, in least
squares, is a tridiagonal system for each point (a Kalman smoother for a static gain; Rauch, Tung, Striebel 1965). It
neither lags nor shrinks: where the flow cannot be trusted (forward and backward disagree, as when teeth appear) the
detector alone counts. Depth is left as detected: pictures do not show it.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.prepare.clip import PICTURES, Clip, read_clip, read_jpegs, write_clip
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


def dejitter(source: Path, target: Path, settings: DejitterSettings, tick: Tick) -> Outcome:
    """Write the clip of ``source`` with steady landmarks."""
    clip = read_clip(source)
    pictures = [
        cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE) for jpeg in read_jpegs(source / PICTURES)
    ]
    steady = steadied(clip.landmarks, pictures, settings, tick)
    write_clip(target / clip.id, replace(clip, landmarks=steady), source / PICTURES)
    return Outcome(
        [clip.id], [], clip.seconds, clip.seconds,
        {"jitter_before_mm": jitter(clip), "jitter_after_mm": jitter(replace(clip, landmarks=steady))},
    )  # fmt: skip


def jitter(clip: Clip) -> float:
    """Return the mean second difference of the still upper face in mm a frame^2, x and y: what trembling adds."""
    face = clip.landmarks[:, list(canonical.UPPER_FACE), :2] * mm_per_px(clip.landmarks)
    return float(np.linalg.norm(np.diff(face, 2, axis=0), axis=-1).mean()) if len(face) > 2 else 0.0


def mm_per_px(landmarks: NDArray[np.floating]) -> float:
    """Return millimetres of one pixel, from the median distance between the eyes."""
    return canonical.INTEROCULAR_MM / max(float(np.median(eyes_apart(landmarks))), 1e-6)


def steadied(
    landmarks: NDArray[np.float32], pictures: list[NDArray[np.uint8]], settings: DejitterSettings, tick: Tick
) -> NDArray[np.float32]:
    """Return landmarks [T,478,3] that follow both the detector and the flow of grey ``pictures``."""
    if len(landmarks) < 3:
        return landmarks
    unit = mm_per_px(landmarks)
    moves, trust = [], []
    for t in range(1, len(landmarks)):
        move, off = flow(pictures[t - 1], pictures[t], landmarks[t - 1, :, :2], settings.window_px)
        variance = settings.flow_mm**2 + np.square(off * unit)
        moves.append(move)
        trust.append(np.where(off * unit < settings.distrust_mm, settings.detector_mm**2 / variance, 0.0))
        tick(t / len(landmarks))
    out = landmarks.copy()
    out[..., :2] = smoothest(landmarks[..., :2].astype(np.float64), np.stack(moves), np.stack(trust))
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
