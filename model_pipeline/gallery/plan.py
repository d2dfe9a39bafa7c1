"""What is rendered: every photo with the first voice, and the first photo with every voice."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_pipeline.gallery.voices import Voice


@dataclass(frozen=True)
class Item:
    """One video of the gallery."""

    number: int
    """From 1."""
    photo: Path
    voice: Voice

    @property
    def name(self) -> str:
        """Stem of its files: number, photo and voice; other characters than letters and digits become ``_``."""
        return f"{self.number:02d}-{re.sub(r'[^A-Za-z0-9]+', '_', self.photo.stem)}-{self.voice.name}"


def planned(photos: Sequence[Path], voices: Sequence[Voice]) -> list[Item]:
    """Return the videos in the order in which they are made and shown."""
    pairs = [(photo, voices[0]) for photo in photos] + [(photos[0], voice) for voice in voices[1:]]
    return [Item(number, photo, voice) for number, (photo, voice) in enumerate(pairs, start=1)]
