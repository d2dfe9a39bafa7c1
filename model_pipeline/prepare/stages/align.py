"""Stage ``align``: the 68 points of every frame on the canonical face by a similarity; photos; unfit frames marked.

The similarity (Umeyama 1991) is fitted on the points of the layout that speech leaves still. Where those lie far from
the canonical face after it, no face, or a half hidden one, was tracked. Photos are cut with the engine's own
alignment, because that is how a frame will show them to the model; with them go the pictures of the clip.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from device_agent.engine.photo.aligned import SIZE, aligned_crop, crop_square
from model_pipeline.prepare.clip import PICTURES, Clip, read_clip, read_jpegs, write_clip
from model_pipeline.prepare.faces import canonical_points
from model_pipeline.prepare.layout68 import STILL, points68
from model_pipeline.prepare.outcome import Outcome, SetAside, Why
from model_pipeline.prepare.progress import Tick

NAME = "align"
PLAIN = "plain"


@dataclass(frozen=True)
class AlignSettings:
    """Which frames fit a face, and how many photos are taken."""

    worst_mm: float = 9.0
    """Root mean square distance of the still points from the canonical face; people differ by 3 to 6."""
    least_ok: float = 0.5
    """Share of fitting frames that a clip needs."""
    photos: int = 6
    """Of each clip, spread over its fitting frames."""


def align(source: Path, target: Path, settings: AlignSettings, tick: Tick) -> Outcome:
    """Write the clip of ``source`` with its 68 points in mm and its photos, without its pictures."""
    clip = read_clip(source)
    laid, misfit = aligned68(clip.landmarks)
    clip = replace(clip, points68=laid, ok=clip.ok & (misfit <= settings.worst_mm))
    outcome = Outcome(seconds_in=clip.seconds, figures={"misfit_mm": float(np.median(misfit))})
    if clip.ok.mean() < settings.least_ok:
        outcome.set_aside.append(SetAside(clip.source, Why.LOST_FACE, clip.seconds))
        return outcome
    write_clip(target / clip.id, photographed(clip, read_jpegs(source / PICTURES), settings.photos), source)
    outcome.kept, outcome.seconds_out = [clip.id], clip.seconds
    tick(1.0)
    return outcome


def aligned68(landmarks: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the 68 points [T,68,2] of landmarks [T,478,3] in canonical mm, and the misfit [T] in mm."""
    still = list(STILL)
    goal = points68(canonical_points()).astype(np.float64)
    laid, misfit = [], []
    for points in points68(landmarks).astype(np.float64):
        moved = canonical.fit_similarity(points[still], goal[still]).apply(points)
        laid.append(moved[:, :2])
        misfit.append(float(np.sqrt(np.square(moved[still] - goal[still]).sum(axis=1).mean())))
    return np.stack(laid).astype(np.float32), np.array(misfit)


def photographed(clip: Clip, jpegs: list[bytes], count: int) -> Clip:
    """Return ``clip`` with ``count`` photos of its fitting frames."""
    good = np.flatnonzero(clip.ok)
    chosen = good[np.unique(np.linspace(0, len(good) - 1, count).astype(int))]
    pixels, rest, points = [], [], []
    for index in chosen:
        picture = cv2.cvtColor(
            cv2.imdecode(np.frombuffer(jpegs[index], np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
        )
        landmarks = clip.landmarks[index].astype(np.float64)
        pose = canonical.align(canonical_points(), landmarks)
        pixels.append(np.round(aligned_crop(picture, pose)[0].transpose(1, 2, 0) * 255).astype(np.uint8))
        points.append(in_photo(landmarks, pose))
        face = canonical.to_mm(landmarks).apply(landmarks)
        rest.append((float(canonical.opening(face)), float(canonical.width(face))))
    return replace(
        clip, photos=np.stack(pixels), photo_pts=clip.pts[chosen], photo_points=np.stack(points),
        rest=np.array(rest, dtype=np.float32), treatment=np.array([PLAIN] * len(chosen), dtype="<U32"),
    )  # fmt: skip


def in_photo(landmarks: NDArray[np.floating], pose: canonical.Similarity) -> NDArray[np.float32]:
    """Return landmarks [478,3] of a picture as pixels [478,2] of the photo that ``aligned_crop`` cuts out of it."""
    matrix = crop_square(pose).to_picture(SIZE).astype(np.float64)
    return np.linalg.solve(matrix[:, :2], (landmarks[:, :2] - matrix[:, 2]).T).T.astype(np.float32)
