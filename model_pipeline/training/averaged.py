"""The moving average of weights during a stage: less of the last batches' noise than the last weights have."""

from collections.abc import Sequence

import torch
from torch import nn


class Averaged:
    """Follows parameters; early steps count less, so that the start is soon forgotten."""

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self._parameters, self._decay = parameters, decay
        self.values = [p.detach().clone() for p in parameters] if decay else []

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the weights after ``step``."""
        decay = min(self._decay, (step + 1) / (step + 10))
        for value, parameter in zip(self.values, self._parameters, strict=False):
            value.lerp_(parameter.detach(), 1 - decay)

    @torch.no_grad()
    def adopt(self) -> None:
        """Give the parameters their average."""
        for value, parameter in zip(self.values, self._parameters, strict=False):
            parameter.copy_(value)

    def load(self, values: Sequence[torch.Tensor]) -> None:
        """Go on from a checkpoint."""
        for own, value in zip(self.values, values, strict=True):
            own.copy_(value)
