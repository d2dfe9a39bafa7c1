"""Training step of the motion tokeniser: codes must give back the map of the motion, above all at the lips."""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from device_agent.engine import canonical
from model_pipeline.models.nano import Nano, lip_sampler

COMMITMENT = 0.25
LIP_WEIGHT, OPENING_WEIGHT = 0.3, 0.3
MAP_WEIGHT = 6.0
READ_WEIGHT, GAP_WEIGHT = 4.0, 0.2
DECODED = 32
"""Decoding is the dear part: this many motions of a batch go through the decoder."""


class TokeniserResult(NamedTuple):
    """Loss, mean lip error of the maps in mm, encoder vectors and ids (for the codebook to follow)."""

    loss: torch.Tensor
    lip_error_mm: float
    vectors: torch.Tensor
    ids: torch.Tensor


class TokeniserLoss:
    """Fixed matrices of the loss, made once for a model with a basis."""

    def __init__(self, model: Nano) -> None:
        points = model.points.numpy()
        self.lips = lip_sampler(points, list(canonical.LIPS))
        self.centres = lip_sampler(points, [canonical.UPPER_LIP_CENTRE, canonical.LOWER_LIP_CENTRE])
        above = torch.tensor(
            [1.0 if i in canonical.UPPER_LIP else 0.0 if i in canonical.LOWER_LIP else 0.5 for i in canonical.LIPS]
        )
        self.sides = torch.stack([above, above, 1 - above, 1 - above])

    def opening(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps [N,4,64,64] -> lip opening [N] in mm."""
        values = maps[:, [1, 3]].flatten(2) @ self.centres.T
        return values[:, 1, 1] - values[:, 0, 0]

    def __call__(self, model: Nano, motion: torch.Tensor, opening_row: torch.Tensor) -> "TokeniserResult":
        """Motion [N,P] -> losses; the codes learn from all of it, the decoder from the first DECODED."""
        z = model.encoder(motion)
        ids = model.codebook.nearest(z)
        codes = model.codebook.lookup(ids)
        through = z + (codes - z).detach()
        back = through.flatten(1) @ torch.linalg.pinv(model.encoder.project.weight).T
        loss = READ_WEIGHT * functional.mse_loss(back, motion) + COMMITMENT * functional.mse_loss(z, codes)
        loss = loss + GAP_WEIGHT * functional.smooth_l1_loss(back @ opening_row, motion @ opening_row)
        picture, error = self._pictures(model, through[:DECODED], motion[:DECODED])
        return TokeniserResult(loss + picture, error, z.detach(), ids)

    def _pictures(self, model: Nano, codes: torch.Tensor, motion: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Loss of the decoded maps, and the mean lip error in mm."""
        maps = model.decode(codes)
        true = torch.tensordot(motion, model.maps, dims=1)
        lips = ((maps - true).flatten(2) @ self.lips.T) * self.sides
        gap = self.opening(maps) - self.opening(true)
        loss = MAP_WEIGHT * functional.mse_loss(maps, true) + LIP_WEIGHT * lips.square().mean()
        loss = loss + OPENING_WEIGHT * functional.smooth_l1_loss(gap, torch.zeros_like(gap))
        error = (lips[:, :2] + lips[:, 2:]).detach().square().sum(dim=1).sqrt().mean()
        return loss, float(error)


def motion_batch(motions: np.ndarray, count: int, seed: list[int]) -> torch.Tensor:
    """Draw ``count`` motions [N,P], scaled by 0.7 to 1.3 and a few of them closed."""
    dice = np.random.default_rng(seed)
    chosen = motions[dice.integers(0, len(motions), count)] * dice.uniform(0.7, 1.3, (count, 1))
    chosen[dice.random(count) < 0.03] = 0.0
    return torch.from_numpy(chosen.astype(np.float32))
