"""Stage ``yellow``: photos in the colours of old prints, from fresh to brown, with the contrast they have lost."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_pipeline.prepare.clip import read_clip, write_clip
from model_pipeline.prepare.outcome import Outcome
from model_pipeline.prepare.progress import Tick
from model_pipeline.prepare.stages.dice import dice_of

NAME = "yellow"
TREATED = "+yellowed"
PAPER = np.array([0.93, 0.84, 0.62])
"""Colour of aged gelatin paper: what white turns to."""


@dataclass(frozen=True)
class YellowSettings:
    """How far photos age."""

    untouched: float = 0.25
    """Share of the photos that stay as they are."""
    strongest: float = 1.0
    """1: white is the colour of aged paper."""
    least_contrast: float = 0.6
    least_colour: float = 0.2
    """Saturation that is left, at least."""
    seed: int = 0


def yellow(source: Path, target: Path, settings: YellowSettings, tick: Tick) -> Outcome:
    """Write the clip of ``source`` with aged photos."""
    clip = read_clip(source)
    dice = dice_of(NAME, clip.id, settings.seed)
    photos, treatment = clip.photos.copy(), clip.treatment.copy()
    for index, photo in enumerate(clip.photos):
        if dice.random() >= settings.untouched:
            photos[index] = aged(photo, settings, dice)
            treatment[index] += TREATED
    write_clip(target / clip.id, replace(clip, photos=photos, treatment=treatment), source)
    tick(1.0)
    share = float(np.mean(np.char.find(treatment, TREATED) >= 0)) if len(treatment) else 0.0
    return Outcome([clip.id], [], clip.seconds, clip.seconds, {"yellowed_share": share})


def aged(photo: NDArray[np.uint8], settings: YellowSettings, dice: np.random.Generator) -> NDArray[np.uint8]:
    """Return a photo [H,W,3] as it would look after decades."""
    age = dice.uniform(0.2, settings.strongest)
    colour = 1 - age * (1 - dice.uniform(settings.least_colour, 1.0))
    contrast = 1 - age * (1 - dice.uniform(settings.least_contrast, 1.0))
    pixels = photo.astype(np.float64) / 255
    grey = pixels.mean(axis=2, keepdims=True)
    faded = (grey + (pixels - grey) * colour - 0.5) * contrast + 0.5
    tinted = faded * (1 - age * (1 - PAPER))
    return np.round(np.clip(tinted, 0.0, 1.0) * 255).astype(np.uint8)
