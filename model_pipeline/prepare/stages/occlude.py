"""Stage ``occlude``: every photo gets a copy with 20 % of the face hidden, so that the sound must carry the motion.

A patch of random shape, place and colour grows over the face (the hull of its landmarks) until it hides its share.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model_pipeline.prepare.clip import Clip, read_clip, write_clip
from model_pipeline.prepare.outcome import Outcome
from model_pipeline.prepare.progress import Tick
from model_pipeline.prepare.stages.dice import dice_of

NAME = "occlude"
TREATED = "+occluded"
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class OccludeSettings:
    """How much is hidden."""

    share: float = 0.2
    """Of the face's area."""
    slimmest: float = 0.4
    """Shorter side of the patch as a share of the longer one, at least."""
    seed: int = 0


def occlude(source: Path, target: Path, settings: OccludeSettings, tick: Tick) -> Outcome:
    """Write the clip of ``source`` with an occluded copy of each photo behind the photos."""
    clip = read_clip(source)
    dice = dice_of(NAME, clip.id, settings.seed)
    hidden, shares = [], []
    for photo, points in zip(clip.photos, clip.photo_points, strict=True):
        face = face_mask(points, photo.shape[0])
        cover = patch(face, settings, dice)
        hidden.append(np.where(cover[..., None], dice.integers(0, 256, 3, dtype=np.uint8), photo))
        shares.append(float((cover & face).sum() / face.sum()))
    out = with_copies(clip, np.stack(hidden), TREATED) if hidden else clip
    write_clip(target / clip.id, out, source)
    tick(1.0)
    figures = {"hidden_share": float(np.mean(shares))} if shares else {}
    return Outcome([clip.id], [], clip.seconds, clip.seconds, figures)


def face_mask(points: NDArray[np.floating], size: int) -> Mask:
    """Return which pixels [size,size] lie in the hull of landmarks [478,2]."""
    mask = np.zeros((size, size), dtype=np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), 1)
    return mask.astype(bool)


def patch(face: Mask, settings: OccludeSettings, dice: np.random.Generator) -> Mask:
    """Return a turned ellipse around a random place of the face that hides ``share`` of it."""
    rows, columns = np.nonzero(face)
    pick = int(dice.integers(len(rows)))
    y, x = np.mgrid[: face.shape[0], : face.shape[1]] - np.array([rows[pick], columns[pick]])[:, None, None]
    angle, slim = dice.uniform(0, np.pi), dice.uniform(settings.slimmest, 1.0)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    radius = np.hypot(along, across / slim)
    return np.asarray(radius <= np.quantile(radius[face], settings.share))


def with_copies(clip: Clip, photos: NDArray[np.uint8], treated: str) -> Clip:
    """Return ``clip`` with ``photos``, treated copies of its own, behind them."""
    return replace(
        clip, photos=np.concatenate([clip.photos, photos]), photo_pts=np.tile(clip.photo_pts, 2),
        photo_points=np.tile(clip.photo_points, (2, 1, 1)), rest=np.tile(clip.rest, (2, 1)),
        treatment=np.concatenate([clip.treatment, np.char.add(clip.treatment, treated)]),
    )  # fmt: skip
