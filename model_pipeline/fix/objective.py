"""What a fix is trained on: tokens of synthetic speech, shut lips on P/B/M, rest in silence, else the base itself."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from device_agent.engine import canonical
from model_pipeline.models.nano import Nano, lip_sampler

CLOSED_MM = 0.5
"""Lips that a viewer sees as shut: openings below this cost nothing on a P, B or M."""

REST_MM = 0.3
"""The same in silence."""

SPREAD_WEIGHT = 0.5
"""Chance must not open a mouth that is shut on average: the spread of the drawn codes costs as well."""


@dataclass(frozen=True)
class Weights:
    """How much each part counts."""

    tokens: float = 1.0
    """Cross entropy with the tokens of synthetic speech, on the frames of the failing classes."""
    replay_tokens: float = 0.3
    """The same on the replay set."""
    replay: float = 1.0
    """Divergence from the base's own answers on the replay set."""
    elsewhere: float = 0.5
    """The same on the complaint's voice, in frames where nothing failed."""
    closure: float = 1.0
    """Square mm above ``CLOSED_MM`` on P/B/M."""
    silence: float = 0.5
    """Square mm above ``REST_MM`` in silence."""


class SoftMouth:
    """Opening in mm that a distribution over tokens shows on average, differentiable."""

    def __init__(self, model: Nano, temperature: float) -> None:
        self._model = model
        self._temperature = max(temperature, 0.1)
        points = model.points.cpu().numpy()
        upper, lower = canonical.UPPER_LIP_CENTRE, canonical.LOWER_LIP_CENTRE
        self._upper, self._lower = (lip_sampler(points, [index])[0] for index in (upper, lower))

    def opening(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [N,T,codebook] -> mean opening [N] in mm, and the spread of the drawn codes [N]."""
        chance = torch.softmax(logits / self._temperature, dim=-1)
        vectors = self._model.codebook.vectors
        mean = chance @ vectors
        spread = (chance @ vectors.square() - mean.square()).sum(dim=(1, 2))
        maps = self._model.decode(mean).flatten(2)
        return maps[:, 3] @ self._lower - maps[:, 1] @ self._upper, spread


def shut(mouth: SoftMouth, logits: torch.Tensor, where: torch.Tensor, most_mm: float) -> torch.Tensor:
    """Return the mean cost of openings above ``most_mm`` in the frames ``where`` [B,F] of logits [B,F,T,codebook]."""
    if not bool(where.any()):
        return logits.sum() * 0.0
    opening, spread = mouth.opening(logits[where])
    return (functional.relu(opening - most_mm).square() + SPREAD_WEIGHT * spread).mean()


def token_cost(logits: torch.Tensor, tokens: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the weighted cross entropy of logits [B,F,T,codebook] with tokens [B,F,T]; weight [B,F]."""
    costs = functional.cross_entropy(logits.flatten(0, 2), tokens.flatten(), reduction="none").reshape(tokens.shape)
    return (costs.mean(dim=2) * weight).sum() / weight.sum().clamp_min(1.0)


def divergence(logits: torch.Tensor, base: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return KL(base || new) in nats for each token, weighted by [B,F]."""
    own = torch.log_softmax(logits, dim=-1)
    other = torch.log_softmax(base, dim=-1)
    costs = (other.exp() * (other - own)).sum(dim=-1).mean(dim=2)
    return (costs * weight).sum() / weight.sum().clamp_min(1.0)
