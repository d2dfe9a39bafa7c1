"""What a batch is punished for: wrong tokens, wrong soft motion, lips open on P/B/M, lips that move in silence.

The soft motion is the mean of the code vectors under the predicted distribution, read back to coefficients by the
pseudo-inverse of the linear encoder: one matrix, so every token's probability gets a gradient from millimetres.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional

from model_pipeline.models.nano import Nano
from model_pipeline.models.spacetime import Prompt


class Batch(NamedTuple):
    """B clips of F frames."""

    mel: torch.Tensor
    """[B,80,4*F]"""
    motion: torch.Tensor
    """[B,F,P]"""
    closed: torch.Tensor
    """[B,F] bool: the middle of a P, B or M."""
    silent: torch.Tensor
    """[B,F] bool: well inside a pause."""


@dataclass(frozen=True)
class LossWeights:
    """How much each part counts."""

    tokens: float = 0.25
    motion: float = 4.0
    opening: float = 0.15
    speed: float = 0.1
    closure: float = 0.15
    silence: float = 0.1
    follow: float = 0.0
    """Correlation of opening and of width with the true ones over the clip: what eyes compare with ears."""


class Losses(NamedTuple):
    """The parts, unweighted, and their weighted sum."""

    total: torch.Tensor
    tokens: torch.Tensor
    motion: torch.Tensor
    opening: torch.Tensor
    closure: torch.Tensor
    silence: torch.Tensor


CLOSED_BELOW_MM = 0.6
"""Soft opening that counts as lips that touch."""
STILL_MM2 = 1.0
"""Added to the product of the spreads, so that a mouth at rest has nothing to follow."""
SOFT_TARGET_SPREAD = 2.0
"""Neighbours of the true code share its probability; in units of the mean quantisation error."""


@dataclass(frozen=True)
class Geometry:
    """Millimetres from coefficients, and coefficients from codes."""

    opening: torch.Tensor
    """[P] mm of lip opening for each unit."""
    width: torch.Tensor
    """[P] mm of lip width for each unit."""
    readout: torch.Tensor
    """[T*K, P] pseudo-inverse of the encoder."""

    def coefficients(self, codes: torch.Tensor) -> torch.Tensor:
        """Code vectors [...,T,K] -> coefficients [...,P]."""
        return codes.flatten(-2) @ self.readout


def geometry(model: Nano, opening_row: torch.Tensor, width_row: torch.Tensor) -> Geometry:
    """Return the fixed matrices of a trained tokeniser."""
    weight = model.encoder.project.weight.detach()
    return Geometry(opening_row, width_row, torch.linalg.pinv(weight).T.contiguous())


def targets(model: Nano, motion: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Motion [B,F,P] -> ids [B,F,T], soft targets [B,F,T,codebook], code vectors [B,F,T,K]."""
    with torch.no_grad():
        z = model.encoder(motion.reshape(-1, motion.shape[-1]))
        square = torch.cdist(z.reshape(-1, z.shape[-1]), model.codebook.vectors).square()
        nearest, ids = square.min(dim=1)
        soft = torch.softmax(-square / (SOFT_TARGET_SPREAD * nearest.mean().clamp_min(1e-4)), dim=1)
        shape = (*motion.shape[:2], model.config.tokens_per_frame)
        return ids.reshape(shape), soft.reshape(*shape, -1), model.codebook.lookup(ids).reshape(*shape, -1)


def untrustworthy(past: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Spoil what is fed back [B,F,T,K], so that the sound must carry the motion.

    A quarter of the clips hears nothing of its past, a quarter another clip's past, the rest its own with gaps.
    """
    kind = torch.rand(past.shape[0], 1, 1, 1, generator=generator)
    gap = torch.rand(*past.shape[:2], 1, 1, generator=generator) < 0.3
    other = past.roll(1, dims=0)
    own = torch.where(gap, other, past)
    return torch.where(kind < 0.25, torch.zeros_like(past), torch.where(kind < 0.5, other, own))


def losses(  # noqa: PLR0917
    model: Nano, batch: Batch, prompt: Prompt, shape: Geometry, generator: torch.Generator, weights: LossWeights
) -> Losses:
    """Return every loss of a batch."""
    _, soft, codes = targets(model, batch.motion)
    feedback = untrustworthy(model.fed_back(codes), generator)
    logits = model.logits(batch.mel, feedback, prompt)
    return losses_of_logits(model, logits, soft, batch, shape, weights)


def losses_of_logits(  # noqa: PLR0917
    model: Nano, logits: torch.Tensor, soft: torch.Tensor, batch: Batch, shape: Geometry, weights: LossWeights
) -> Losses:
    """Return every loss of predicted logits [B,F,T,codebook]."""
    tokens = -(soft * torch.log_softmax(logits, dim=-1)).sum(dim=-1).mean()
    motion = shape.coefficients(torch.softmax(logits, dim=-1) @ model.codebook.vectors)
    gap, true_gap = motion @ shape.opening, batch.motion @ shape.opening
    away = functional.smooth_l1_loss(motion, batch.motion)
    opening = functional.smooth_l1_loss(gap, true_gap)
    speed = functional.smooth_l1_loss(gap.diff(dim=1), true_gap.diff(dim=1))
    closure = _mean_where(torch.relu(gap - CLOSED_BELOW_MM), batch.closed)
    silence = _mean_where(motion.abs().mean(dim=-1) + 0.2 * gap.abs(), batch.silent)
    total = (
        weights.tokens * tokens + weights.motion * away + weights.opening * opening + weights.speed * speed
        + weights.closure * closure + weights.silence * silence
    )  # fmt: skip
    if weights.follow:
        width, true_width = motion @ shape.width, batch.motion @ shape.width
        total = total + weights.follow * (2 - _correlation(gap, true_gap) - _correlation(width, true_width))
    return Losses(total, tokens, away, opening, closure, silence)


def _correlation(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean over clips of Pearson's r along [B,F] mm; clips that hardly move hardly count."""
    a, b = a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
    return ((a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1) + STILL_MM2)).mean()


def _mean_where(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    return (values * chosen).sum() / chosen.sum().clamp_min(1)
