"""Other ways to keep a codebook, behind the interface of ``models.tokeniser.Codebook``."""

import torch
from torch import nn

from model_pipeline.models.config import ModelConfig
from model_pipeline.models.tokeniser import Codebook

FSQ_LEVELS = 8


class NoRevival(Codebook):
    """Codes follow their members; one that loses all of them stays lost."""

    def revive(self, flat: torch.Tensor, generator: torch.Generator) -> None:
        """Leave the dead where they are."""


def fsq_grid(size: int) -> torch.Tensor:
    """Return the grid [size, dims] of FSQ: FSQ_LEVELS levels from -1 to 1 in each dimension."""
    levels = torch.linspace(-1.0, 1.0, FSQ_LEVELS)
    dims = round(torch.log(torch.tensor(float(size))).item() / torch.log(torch.tensor(float(FSQ_LEVELS))).item())
    return torch.cartesian_prod(*[levels] * dims)


class Fsq(Codebook):
    """Finite scalar quantisation: a fixed grid; rounding to it is the nearest neighbour, beyond it the border."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.vectors.copy_(fsq_grid(config.codebook_size))

    def adopt(self, z: torch.Tensor, generator: torch.Generator) -> None:
        """Keep the grid."""

    def follow(self, z: torch.Tensor, ids: torch.Tensor, generator: torch.Generator) -> None:
        """Keep the grid."""


class SimVq(nn.Module):
    """Frozen random codes under one learnt linear map: every code moves with every step."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.register_buffer("frozen", torch.randn(config.codebook_size, config.code_dim))
        self.basis = nn.Linear(config.code_dim, config.code_dim, bias=False)

    @property
    def vectors(self) -> torch.Tensor:
        """[codebook,K]."""
        return self.basis(self.frozen)

    def nearest(self, z: torch.Tensor) -> torch.Tensor:
        """[...,K] -> ids [...]."""
        flat = z.detach().reshape(-1, z.shape[-1])
        return torch.cdist(flat, self.vectors.detach()).argmin(dim=1).reshape(z.shape[:-1])

    def lookup(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids [...] -> vectors [...,K]."""
        return self.vectors[ids]

    @torch.no_grad()
    def adopt(self, z: torch.Tensor, generator: torch.Generator) -> None:
        """Give the codes the spread of ``z``."""
        self.basis.weight.copy_(torch.diag(z.reshape(-1, z.shape[-1]).std(dim=0)))

    def follow(self, z: torch.Tensor, ids: torch.Tensor, generator: torch.Generator) -> None:
        """Do nothing: the map learns by gradient."""
