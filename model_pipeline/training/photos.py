"""Photos for the visual prompt: frames of the shared clips, aged and half hidden, with the mouth's rest shape."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from model_pipeline.models.nano import Nano
from model_pipeline.training.losses import Batch, Geometry, LossWeights, losses

OCCLUDED = 0.2
SHAPE_WEIGHT = 0.3


@dataclass(frozen=True)
class PhotoBook:
    """Aligned 256x256 photos with what the tracker measured on them."""

    pixels: NDArray[np.uint8]
    """[N,256,256,3] RGB"""
    rest: NDArray[np.float32]
    """[N,2] opening and width, mm"""

    def draw(self, count: int, dice: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Return photos [B,3,256,256] and rest inputs [B,4,1,1]."""
        index = dice.integers(0, len(self.pixels), count)
        photos = np.stack([aged(self.pixels[i].astype(np.float32) / 255.0, dice) for i in index])
        rest = np.concatenate([self.rest[index], np.tile([1.0, 0.0], (count, 1))], axis=1).astype(np.float32)
        return torch.from_numpy(photos.transpose(0, 3, 1, 2).copy()), torch.from_numpy(rest[:, :, None, None])


def aged(photo: NDArray[np.float32], dice: np.random.Generator) -> NDArray[np.float32]:
    """Return a photo [256,256,3] with other light, yellowed or grey, mirrored, and a part hidden."""
    grey = photo.mean(axis=2, keepdims=True)
    out = grey + (photo - grey) * dice.uniform(0.0, 1.2)
    out = out * (1 - dice.uniform(0, 0.35) * np.array([0.0, 0.15, 0.6]))
    out = (out - 0.5) * dice.uniform(0.6, 1.3) + 0.5 + dice.uniform(-0.15, 0.15)
    out = out + dice.normal(size=photo.shape) * dice.uniform(0, 0.04)
    if dice.random() < 0.5:
        out = out[:, ::-1]
    if dice.random() < OCCLUDED:
        size, top, left = dice.integers(40, 115), dice.integers(0, 200), dice.integers(0, 200)
        out[top : top + size, left : left + size] = dice.random(3)
    return np.clip(out, 0.0, 1.0).astype(np.float32)


def photo_loss(  # noqa: PLR0917
    model: Nano, book: PhotoBook, voices: Batch, shape: Geometry, generator: torch.Generator, seed: Sequence[int]
) -> tuple[torch.Tensor, dict[str, float]]:
    """Loss of speech under photos' prompts, and of the mouth shape read from the photo alone.

    Any photo meets any voice: three faces must not become three manners of speaking.
    """
    photos, rest = book.draw(voices.mel.shape[0], np.random.default_rng(list(seed)))
    seen = model.vit.see(photos)
    prompt = model.spacetime.prompt(model.vit.mix(seen, rest), 0.0)
    parts = losses(model, voices, prompt, shape, generator, LossWeights())
    read = functional.smooth_l1_loss(model.vit.shape_of(seen), model.vit.normal_rest(rest)[:, :2])
    figures = {"speech": parts.total, "closure": parts.closure, "silence": parts.silence, "rest": read}
    return parts.total + SHAPE_WEIGHT * read, {name: float(value.detach()) for name, value in figures.items()}
