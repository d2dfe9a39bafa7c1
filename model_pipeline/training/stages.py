"""The stages of a training, each a function from data to a ``Stage``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from model_pipeline.data.samples import Sample, SpeakerMotion, opening_row
from model_pipeline.models.nano import Nano
from model_pipeline.training.loop import Stage
from model_pipeline.training.losses import Batch, Geometry, LossWeights, geometry, losses
from model_pipeline.training.photos import PhotoBook, photo_loss
from model_pipeline.training.pool import Pool, joined
from model_pipeline.training.tokeniser_step import TokeniserLoss, TokeniserResult, motion_batch

CODEBOOK_SETTLES = 0.8
"""After this share of the tokeniser's steps the codebook stands still and the decoder catches up."""
TOKENISER_BATCH = 512


@dataclass(frozen=True)
class Sizes:
    """Steps, batches and learning rates of a training."""

    frames: int = 40
    synthetic_clips: int = 700
    real_versions: int = 6
    tokeniser_steps: int = 900
    pretrain_steps: int = 700
    pretrain_batch: int = 14
    pretrain_rate: float = 1.2e-3
    tune_steps: int = 260
    tune_real: int = 12
    tune_synthetic: int = 4
    tune_rate: float = 5e-4
    photo_every: int = 4
    """Every so many steps of the last tuning see photos."""


def scaled(sizes: Sizes, factor: float) -> Sizes:
    """Return ``sizes`` with ``factor`` times as many steps and clips."""
    fields = ("synthetic_clips", "tokeniser_steps", "pretrain_steps", "tune_steps")
    return replace(sizes, **{name: max(2, round(getattr(sizes, name) * factor)) for name in fields})


def model_geometry(model: Nano) -> Geometry:
    """Return millimetres of a model whose tokeniser is trained."""
    return geometry(model, torch.from_numpy(opening_row(model.basis())))


def tokeniser(
    model: Nano, motions: Sequence[SpeakerMotion], synthetic: Sequence[Sample], sizes: Sizes, seed: int
) -> Stage:
    """Learn codes and decoder from motion alone."""
    real = np.concatenate([m.motion for m in motions])
    spoken = np.concatenate([s.motion for s in synthetic])
    frames = np.concatenate([np.repeat(real, 2, axis=0), spoken[: 2 * len(real)]])
    measure = TokeniserLoss(model)
    row = torch.from_numpy(opening_row(model.basis()))
    last: list[TokeniserResult] = []

    def loss(step: int, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = motion_batch(frames, TOKENISER_BATCH, [seed, step])
        if step == 0:
            model.codebook.adopt(model.encoder(batch), generator)
        result = measure(model, batch, row)
        last[:] = [result]
        return result.loss, {"lip_error_mm": result.lip_error_mm, "codes": float(result.ids.unique().numel())}

    def after(step: int, generator: torch.Generator) -> None:
        if step < sizes.tokeniser_steps * CODEBOOK_SETTLES:
            model.codebook.follow(last[0].vectors, last[0].ids, generator)

    parameters = [*model.encoder.parameters(), *model.decoder.parameters()]
    return Stage("tokeniser", sizes.tokeniser_steps, 3e-3, parameters, loss, after)


def speech_parameters(model: Nano) -> list[torch.nn.Parameter]:
    """Return what learns from sound: audio encoder, transformer, null prompt."""
    return [*model.audio.parameters(), *model.spacetime.parameters(), model.vit.null, *model.vit.norm.parameters()]


def _speech_loss(
    model: Nano, draw: Callable[[int], Batch], weights: LossWeights
) -> Callable[[int, torch.Generator], tuple[torch.Tensor, dict[str, float]]]:
    shape = model_geometry(model)

    def loss(step: int, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        batch = draw(step)
        parts = losses(model, batch, model.null_prompt(batch.mel.shape[0]), shape, generator, weights)
        return parts.total, {
            name: float(value.detach()) for name, value in parts._asdict().items() if name != "total"
        }

    return loss


def pretrain(model: Nano, synthetic: Pool, sizes: Sizes, seed: int) -> Stage:
    """Learn to listen from synthetic speech with rule visemes."""
    spoken = _speech_loss(model, lambda step: synthetic.draw(sizes.pretrain_batch, [seed, 1, step]), LossWeights())

    def loss(step: int, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        if step == 0:
            model.spacetime.start_head(model.codebook.vectors, generator)
        return spoken(step, generator)

    return Stage("pretrain", sizes.pretrain_steps, sizes.pretrain_rate, speech_parameters(model), loss)


def tune(model: Nano, real: Pool, synthetic: Pool, sizes: Sizes, seed: int, photos: PhotoBook | None = None) -> Stage:  # noqa: PLR0917
    """Learn from real people, balanced by speaker, beside some synthetic speech; with ``photos``, the prompt too."""

    def draw(step: int) -> Batch:
        return joined(
            real.draw(sizes.tune_real, [seed, 2, step]), synthetic.draw(sizes.tune_synthetic, [seed, 3, step])
        )

    spoken = _speech_loss(model, draw, LossWeights())
    if photos is None:
        return Stage("tune", sizes.tune_steps, sizes.tune_rate, speech_parameters(model), spoken)
    book, shape = photos, model_geometry(model)

    def with_photos(step: int, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        if step % sizes.photo_every:
            return spoken(step, generator)
        return photo_loss(model, book, real, shape, generator, [seed, 4, step])

    parameters = [*speech_parameters(model), *(p for n, p in model.vit.named_parameters() if n not in _NULL)]
    return Stage("tune", sizes.tune_steps, sizes.tune_rate, parameters, with_photos)


_NULL = ("null", "norm.gain")
