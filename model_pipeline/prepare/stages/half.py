"""Stage ``half``: 15 % of the photos show half a face only: torn prints, hats, shadows, people at an edge."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.prepare.clip import read_clip, write_clip
from model_pipeline.prepare.outcome import Outcome
from model_pipeline.prepare.progress import Tick
from model_pipeline.prepare.stages.dice import dice_of

NAME = "half"
TREATED = "+half"


@dataclass(frozen=True)
class HalfSettings:
    """How many photos are halved."""

    share: float = 0.15
    seed: int = 0


def half(source: Path, target: Path, settings: HalfSettings, tick: Tick) -> Outcome:
    """Write the clip of ``source``; a share of its photos, chosen by chance, keeps one half of the face."""
    clip = read_clip(source)
    dice = dice_of(NAME, clip.id, settings.seed)
    photos, treatment = clip.photos.copy(), clip.treatment.copy()
    count = int(settings.share * len(photos) + dice.random())
    for index in dice.permutation(len(photos))[:count]:
        photos[index] = halved(photos[index], clip.photo_points[index], dice)
        treatment[index] += TREATED
    write_clip(target / clip.id, replace(clip, photos=photos, treatment=treatment), source)
    tick(1.0)
    return Outcome(
        [clip.id], [], clip.seconds, clip.seconds, {"halved_share": count / len(photos)} if len(photos) else {}
    )


def halved(photo: NDArray[np.uint8], points: NDArray[np.floating], dice: np.random.Generator) -> NDArray[np.uint8]:
    """Return a photo with everything beyond the face's own middle line, on one side, in one colour."""
    middle, across = axis(points)
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    side = (x - middle[0]) * across[0] + (y - middle[1]) * across[1]
    gone = side > 0 if dice.random() < 0.5 else side < 0
    return np.where(gone[..., None], dice.integers(0, 256, 3, dtype=np.uint8), photo)


def axis(points: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a point of the face's middle line, and the direction across it, of landmarks [478,2]."""
    top, chin = points[10].astype(np.float64), points[152].astype(np.float64)
    nose = points[canonical.UPPER_FACE[0]].astype(np.float64)
    down = (chin - top) / max(float(np.linalg.norm(chin - top)), 1e-9)
    return nose, np.array([-down[1], down[0]])
