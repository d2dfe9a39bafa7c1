"""Sentences that machines speak in drawn voices: log-mel beside the rule's height of the tip, kept in parts."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import features
from model_pipeline.data import augment, speakers, texts
from model_pipeline.data.visemes import Pull, pulls
from model_pipeline.tongue.tip import tips

Floats = NDArray[np.floating]
PART = 250
"""Sentences in one file: what a kill loses at most."""
ENGLISH_SHARE = 0.4
"""Of the sentences at least: English voices are real people's sounds, and TH is heard in few other languages."""
ENGLISH = "en-us"
FIRST_SEED, FIRST_UNSEEN = 5_000_000, 6_000_000


@dataclass(frozen=True)
class Sentence:
    """One sentence of T frames."""

    mel: Floats
    """[80, 4*T]"""
    tip: Floats
    """[T], 0..1"""


def spoken(seed: int) -> tuple[NDArray[np.float32], list[Pull]]:
    """Return a random sentence in a random voice, disturbed, and its visemes."""
    dice = random.Random(seed)  # noqa: S311
    language = texts.voice(dice)
    if dice.random() < ENGLISH_SHARE:
        language = ENGLISH
    said = speakers.drawn(texts.sentence(dice, language), language, dice)
    return augment.disturb(said.audio, np.random.default_rng(seed)), pulls(said.phonemes)


def sentence(seed: int) -> Sentence:
    """Return one sentence, with a whole number of frames."""
    audio, items = spoken(seed)
    mel = features.log_mel(audio)
    frames = mel.shape[1] // features.MEL_PER_FRAME
    return Sentence(mel[:, : frames * features.MEL_PER_FRAME].astype(np.float16), tips(items, frames))


def gather(folder: Path, count: int, done: Callable[[], None]) -> list[Sentence]:
    """Return ``count`` sentences; what ``folder`` holds is read, what it lacks is spoken and kept."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Sentence] = []
    for first in range(0, count, PART):
        path = folder / f"{first:06}.npz"
        part = _read(path) if path.is_file() else _speak(range(first, first + PART), path)
        found += part
        for _ in range(min(PART, count - first)):
            done()
    return found[:count]


def _speak(numbers: Sequence[int], path: Path) -> list[Sentence]:
    made = [sentence(FIRST_SEED + number) for number in numbers]
    ends = np.cumsum([one.tip.size for one in made])
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file, ends=ends, mel=np.concatenate([one.mel for one in made], axis=1),
            tip=np.concatenate([one.tip for one in made]),
        )  # fmt: skip
    part.replace(path)
    return made


def _read(path: Path) -> list[Sentence]:
    with np.load(path) as arrays:
        mel, tip, ends = arrays["mel"], arrays["tip"], arrays["ends"]
    starts = [0, *ends[:-1]]
    columns = features.MEL_PER_FRAME
    return [
        Sentence(mel[:, columns * start : columns * end], tip[start:end])
        for start, end in zip(starts, ends, strict=True)
    ]
