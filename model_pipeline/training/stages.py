"""The stages of a training, each a function from data to a ``Stage``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from model_pipeline.data.samples import Sample, SpeakerMotion, opening_row, width_row
from model_pipeline.models.nano import Nano
from model_pipeline.training.loop import Stage
from model_pipeline.training.losses import Batch, Geometry, LossWeights, geometry, losses
from model_pipeline.training.photos import PhotoBook, photo_loss
from model_pipeline.training.pool import Pool, joined
from model_pipeline.training.tokeniser_step import TokeniserLoss, TokeniserResult, motion_batch

CODEBOOK_SETTLES = 0.8
"""After this share of the tokeniser's steps the codebook stands still and the decoder catches up."""
TOKENISER_BATCH = 512
TUNE_FOLLOW, TUNE_AVERAGE = 0.5, 0.99
"""Weight of following the true curves, and decay of the averaged weights, where real people are heard."""


@dataclass(frozen=True)
class Sizes:
    """Steps, batches and learning rates of a training."""

    frames: int = 40
    synthetic_clips: int = 900
    real_versions: int = 20
    tokeniser_steps: int = 900
    pretrain_steps: int = 1000
    pretrain_batch: int = 14
    pretrain_rate: float = 1.2e-3
    tune_steps: int = 675
    tune_real: int = 8
    tune_synthetic: int = 4
    tune_rate: float = 7e-4
    photo_steps: int = 260
    photo_batch: int = 8
    photo_rate: float = 6e-4


def scaled(sizes: Sizes, factor: float) -> Sizes:
    """Return ``sizes`` with ``factor`` times as many steps and clips."""
    fields = ("synthetic_clips", "tokeniser_steps", "pretrain_steps", "tune_steps", "photo_steps")
    return replace(sizes, **{name: max(2, round(getattr(sizes, name) * factor)) for name in fields})


def batched(sizes: Sizes, clips: int | None) -> Sizes:
    """Return ``sizes`` with ``clips`` in each micro-batch, real and synthetic speech in the same shares as before."""
    if clips is None:
        return sizes
    real = max(1, round(clips * sizes.tune_real / (sizes.tune_real + sizes.tune_synthetic)))
    return replace(
        sizes, pretrain_batch=clips, tune_real=real, tune_synthetic=max(1, clips - real), photo_batch=clips // 2 * 2
    )


def model_geometry(model: Nano) -> Geometry:
    """Return millimetres of a model whose tokeniser is trained."""
    basis = model.basis()
    return geometry(model, torch.from_numpy(opening_row(basis)), torch.from_numpy(width_row(basis)))


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


def tune(model: Nano, real: Pool, synthetic: Pool, sizes: Sizes, seed: int) -> Stage:
    """Learn from real people, balanced by speaker, beside some synthetic speech."""

    def draw(step: int) -> Batch:
        return joined(
            real.draw(sizes.tune_real, [seed, 2, step]), synthetic.draw(sizes.tune_synthetic, [seed, 3, step])
        )

    loss = _speech_loss(model, draw, LossWeights(follow=TUNE_FOLLOW))
    return Stage("tune", sizes.tune_steps, sizes.tune_rate, speech_parameters(model), loss, average=TUNE_AVERAGE)


def photos(model: Nano, book: PhotoBook, real: Pool, synthetic: Pool, sizes: Sizes, seed: int) -> Stage:  # noqa: PLR0917
    """Learn to look: the visual prompt alone is trained, so what was scored without a photo stays as it was."""
    shape = model_geometry(model)

    def loss(step: int, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        half = sizes.photo_batch // 2
        voices = joined(real.draw(half, [seed, 4, step]), synthetic.draw(half, [seed, 5, step]))
        return photo_loss(model, book, voices, shape, generator, [seed, 6, step])

    parameters = [p for name, p in model.vit.named_parameters() if name not in _NULL]
    return Stage("photos", sizes.photo_steps, sizes.photo_rate, parameters, loss)


_NULL = ("null", "norm.gain")
"""What speech without a photo goes through."""
