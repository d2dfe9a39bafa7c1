"""LoRA on INT8 weights: what is trained is exactly what a frame will merge (Hu et al., arXiv:2106.09685).

An update below half a step of an INT8 weight is rounded away by the merge. So the forward pass uses the rounded
weight, and the gradient goes straight through the rounding (Bengio et al., arXiv:1308.3432).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

INT8_MAX = 127
DOWN_SPREAD = 1.0
"""Initial size of the down factor, in steps of the weight; the up factor starts at 0, so nothing changes."""


@dataclass(frozen=True)
class Int8Weight:
    """One weight of the installed base."""

    q: np.ndarray
    """int8 [out, in]"""
    scale: np.ndarray
    """float32 [out]"""


class IntegerLora(nn.Module):
    """Parametrisation of one weight: scale * clip(q + round(up @ down)); ``up @ down`` counts steps of the weight."""

    def __init__(self, base: Int8Weight, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        outputs, inputs = base.q.shape
        self.register_buffer("q", torch.from_numpy(base.q.astype(np.float32)))
        self.register_buffer("scale", torch.from_numpy(base.scale.astype(np.float32)).reshape(-1, 1))
        self.down = nn.Parameter(torch.randn(rank, inputs, generator=generator) * DOWN_SPREAD)
        self.up = nn.Parameter(torch.zeros(outputs, rank))

    def steps(self) -> torch.Tensor:
        """Return the update in steps of the INT8 weight, before rounding."""
        return self.up @ self.down

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the merged weight in the shape of the network's own, which is not used otherwise."""
        steps = self.steps()
        rounded = steps + (torch.round(steps) - steps).detach()
        merged = torch.clamp(self.q + rounded, -INT8_MAX, INT8_MAX) * self.scale
        return merged.reshape(weight.shape)


def attach(network: nn.Module, weights: Mapping[str, Int8Weight], rank: int, seed: int) -> dict[str, IntegerLora]:
    """Put a LoRA on each named parameter (``blocks.0.q.weight``) and freeze everything else."""
    generator = torch.Generator().manual_seed(seed)
    network.requires_grad_(False)
    attached = {}
    for name in sorted(weights):
        lora = IntegerLora(weights[name], rank, generator)
        module, _, parameter = name.rpartition(".")
        parametrize.register_parametrization(network.get_submodule(module), parameter, lora, unsafe=True)
        attached[name] = lora
    return attached


def parameters(loras: Mapping[str, IntegerLora]) -> Iterator[nn.Parameter]:
    """Return what is trained."""
    for lora in loras.values():
        yield from (lora.down, lora.up)
