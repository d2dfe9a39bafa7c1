"""What a fix is trained on: tokens of synthetic speech, shut lips on P/B/M, rest in silence, else the base itself."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from frame_protocol.model_package import Sampling
from model_pipeline.data.samples import opening_row, width_row
from model_pipeline.models.nano import Nano

CLOSED_MM = 0.5
"""Lips that a viewer sees as shut: openings below this cost nothing on a P, B or M."""

REST_MM = 0.3
"""The same in silence."""

AMPLITUDE_SHARE = 6.0
"""Amplitude counts so much more than jitter: a mouth that closes at last must move a little faster."""

CLOSING_FRAMES = 2
"""Lips need so long to close and to part again: there the opening may change."""

SPREAD_FLOOR = 1e-4
"""Square mm: keeps the gradient of a still mouth finite."""


@dataclass(frozen=True)
class Weights:
    """How much each part counts."""

    tokens: float = 0.4
    """Cross entropy with the motion of synthetic speech, on the frames of the failing classes."""
    opening: float = 0.1
    """mm by which mean opening, mean width and their change miss it, on all frames."""
    replay: float = 2.0
    """Divergence from the base's own answers on the replay set."""
    elsewhere: float = 0.7
    """The same on other voices, in frames where nothing failed."""
    level: float = 0.4
    """mm by which the opening departs from the base's own on the replay set, away from closures."""
    manner: float = 0.5
    """mm by which amplitude departs from the base's or jitter exceeds it: a closure must not cost the vowels."""
    closure: float = 0.6
    """mm above ``CLOSED_MM`` on P/B/M."""
    silence: float = 0.2
    """mm above ``REST_MM`` in silence, where silence failed; elsewhere the frame's own gate shuts the mouth."""


class SoftMouth:
    """Opening (or width) in mm that the mean of the codes stands for; exact, because codes add up linearly.

    A frame shows it times the package's gain. What is compared with motion is compared before the gain.
    """

    def __init__(self, model: Nano, sampling: Sampling, *, width: bool = False) -> None:
        self._temperature, self._gain = sampling.temperature, sampling.gain
        weight = model.encoder.project.weight.detach()
        self._row = torch.from_numpy((width_row if width else opening_row)(model.basis()))
        per_code = (torch.linalg.pinv(weight).T @ self._row).reshape(model.config.tokens_per_frame, -1)
        self._table = per_code @ model.codebook.vectors.T
        """[T, codebook]: mm that each code adds."""

    def mm(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits [...,T,codebook] -> mm [...]."""
        return (torch.softmax(logits / self._temperature, dim=-1) * self._table).sum(dim=(-2, -1))

    def shown_mm(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits [...,T,codebook] -> mm [...] that people see."""
        return self._gain * self.mm(logits)

    def true_mm(self, motion: torch.Tensor) -> torch.Tensor:
        """Coefficients [...,P] -> mm."""
        return motion @ self._row


def shut(mouth: SoftMouth, logits: torch.Tensor, where: torch.Tensor, most_mm: float) -> torch.Tensor:
    """Return by how many mm the lips of logits [B,F,T,codebook] exceed ``most_mm`` in ``where``: smooth, mean.

    Linear far away, so that a mouth that stands open does not drown every other part.
    """
    if not bool(where.any()):
        return logits.sum() * 0.0
    beyond = functional.relu(mouth.shown_mm(logits[where]) - most_mm)
    return functional.smooth_l1_loss(beyond, torch.zeros_like(beyond))


def token_cost(logits: torch.Tensor, soft: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the weighted cross entropy of logits with soft targets, both [B,F,T,codebook]; weight [B,F]."""
    costs = -(soft * torch.log_softmax(logits, dim=-1)).sum(dim=-1).mean(dim=2)
    return (costs * weight).sum() / weight.sum().clamp_min(1.0)


def shape_cost(mouth: SoftMouth, logits: torch.Tensor, motion: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return by how many mm the mean and its change miss those of ``motion`` [B,F,P]; weight [B,F]."""
    opening, wanted = mouth.mm(logits), mouth.true_mm(motion)
    away = functional.smooth_l1_loss(opening, wanted, reduction="none")
    speed = functional.smooth_l1_loss(opening.diff(dim=1), wanted.diff(dim=1), reduction="none")
    return ((away[:, 1:] + speed) * weight[:, 1:]).sum() / weight[:, 1:].sum().clamp_min(1.0)


def manner_cost(mouth: SoftMouth, logits: torch.Tensor, base: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return by how many mm the amplitude departs from the base's own, and jitter exceeds it; valid [B,F] 0 or 1.

    Amplitude is the standard deviation of the mean opening over a window, jitter its mean second difference.
    """
    own, before = mouth.mm(logits), mouth.mm(base)
    amplitude = functional.smooth_l1_loss(_spread(own, valid), _spread(before, valid))
    inner = valid[:, 2:]
    rougher = ((own.diff(n=2, dim=1).abs() - before.diff(n=2, dim=1).abs()) * inner).sum(dim=1)
    return AMPLITUDE_SHARE * amplitude + functional.relu(rougher / inner.sum(dim=1).clamp_min(1.0)).mean()


def level_cost(
    mouth: SoftMouth, logits: torch.Tensor, base: torch.Tensor, closed: torch.Tensor, valid: torch.Tensor
) -> torch.Tensor:
    """Return by how many mm the mean opening departs from the base's own, away from the frames ``closed`` [B,F]."""
    near = functional.max_pool1d(closed.float()[:, None], 2 * CLOSING_FRAMES + 1, 1, CLOSING_FRAMES)[:, 0]
    weight = valid * (1.0 - near)
    away = functional.smooth_l1_loss(mouth.mm(logits), mouth.mm(base), reduction="none")
    return (away * weight).sum() / weight.sum().clamp_min(1.0)


def _spread(values: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    count = valid.sum(dim=1).clamp_min(1.0)
    mean = (values * valid).sum(dim=1) / count
    square = ((values - mean[:, None]).square() * valid).sum(dim=1) / count
    return (square + SPREAD_FLOOR).sqrt()


def divergence(logits: torch.Tensor, base: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return KL(base || new) in nats for each token, weighted by [B,F]."""
    own = torch.log_softmax(logits, dim=-1)
    other = torch.log_softmax(base, dim=-1)
    costs = (other.exp() * (other - own)).sum(dim=-1).mean(dim=2)
    return (costs * weight).sum() / weight.sum().clamp_min(1.0)
