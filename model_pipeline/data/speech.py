"""Synthetic speech with the time of every phoneme: what both synthesisers give."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Phoneme:
    """One phoneme: IPA (empty = pause), start and end in seconds."""

    ipa: str
    start: float
    end: float


@dataclass(frozen=True)
class Utterance:
    """Synthetic speech, 16 kHz mono in -1..1, with its phonemes."""

    audio: NDArray[np.float32]
    phonemes: list[Phoneme]
