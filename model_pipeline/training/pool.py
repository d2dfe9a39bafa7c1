"""Prepared clips of equal length, from which batches are drawn by step number alone, so that resuming repeats."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from model_pipeline.data.samples import Sample, cuts
from model_pipeline.training.losses import Batch

MASK_MELS, MASK_COLUMNS = 12, 20
"""Widest band of mel values, longest stretch of columns hidden (SpecAugment, arXiv:1904.08779)."""


class Pool:
    """Clips stacked as tensors, with a weight for each: speakers weigh the same however long they spoke."""

    def __init__(self, samples: Iterable[Sample], frames: int, seed: int, *, balance: bool) -> None:
        dice = np.random.default_rng(seed)
        clips = [clip for sample in samples for clip in cuts(sample, frames, dice)]
        self.mel = torch.from_numpy(np.stack([c.mel for c in clips]))
        self.motion = torch.from_numpy(np.stack([c.motion for c in clips]))
        self.closed = torch.from_numpy(np.stack([c.closed for c in clips]))
        self.silent = torch.from_numpy(np.stack([c.silent for c in clips]))
        self.speakers = [c.speaker for c in clips]
        self.weights = _balanced(self.speakers) if balance else np.full(len(clips), 1 / len(clips))

    def draw(self, count: int, seed: Sequence[int], *, mask: bool = True) -> Batch:
        """Return ``count`` clips chosen by ``seed``; parts of their sound hidden when ``mask``."""
        dice = np.random.default_rng(list(seed))
        index = torch.from_numpy(dice.choice(len(self.weights), size=count, p=self.weights))
        mel = self.mel[index]
        return Batch(_masked(mel, dice) if mask else mel, self.motion[index], self.closed[index], self.silent[index])


def _balanced(speakers: Sequence[str]) -> np.ndarray:
    counts = {name: speakers.count(name) for name in set(speakers)}
    weights = np.array([1.0 / counts[name] for name in speakers])
    return weights / weights.sum()


def _masked(mel: torch.Tensor, dice: np.random.Generator) -> torch.Tensor:
    """Hide one band and one stretch of each clip, shift its mel axis by up to two."""
    mel = mel.clone()
    for index in range(mel.shape[0]):
        clip = mel[index]
        band, low = int(dice.integers(0, MASK_MELS)), int(dice.integers(0, clip.shape[0] - MASK_MELS))
        clip[low : low + band] = clip.mean()
        stretch, start = int(dice.integers(0, MASK_COLUMNS)), int(dice.integers(0, clip.shape[1] - MASK_COLUMNS))
        clip[:, start : start + stretch] = clip.mean()
        clip += float(dice.normal()) * 0.1
        clip.copy_(torch.roll(clip, int(dice.integers(-2, 3)), dims=0))
    return mel


def joined(first: Batch, second: Batch) -> Batch:
    """Return both batches as one."""
    return Batch(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
