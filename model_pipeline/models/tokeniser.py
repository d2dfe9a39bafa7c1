"""Motion tokeniser: a VQ-VAE (arXiv:1711.00937) on motion coefficients, and the decoder from codes to the 64x64 map.

The encoder is linear, started at the principal components, so the mean of codes is the code of the mean and tokens
drawn independently stay near real mouths. The codebook follows its members by moving averages; codes that nobody uses
are put on vectors that need one.
"""

import torch
from torch import nn
from torch.nn import functional

from model_pipeline.models.config import MAP_CHANNELS, ModelConfig
from model_pipeline.models.layers import Pointwise

DECAY = 0.98
DEAD_BELOW = 0.02
"""A code whose average number of members per batch falls below this is moved."""
START = 8
"""Cells of the decoder's first map; three times doubled."""


class Encoder(nn.Module):
    """Coefficients [B,P] -> vectors [B,T,K]."""

    def __init__(self, config: ModelConfig, coefficients: int) -> None:
        super().__init__()
        self.tokens, self.dim = config.tokens_per_frame, config.code_dim
        self.project = nn.Linear(coefficients, self.tokens * self.dim, bias=False)
        with torch.no_grad():
            weight = torch.randn(self.tokens, self.dim, coefficients) * 0.1
            for token in range(self.tokens):
                own = [c for c in range(coefficients) if c % self.tokens == token]
                weight[token, :, own] += torch.randn(self.dim, len(own)) * 0.5
            self.project.weight.copy_(weight.reshape(-1, coefficients))

    def forward(self, coefficients: torch.Tensor) -> torch.Tensor:
        """Encode."""
        return self.project(coefficients).reshape(-1, self.tokens, self.dim)


class Codebook(nn.Module):
    """512 vectors; nearest neighbour, moving averages, revival."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.randn(config.codebook_size, config.code_dim) * 0.3)
        self.register_buffer("members", torch.ones(config.codebook_size))
        self.register_buffer("sums", self.vectors.clone())

    def nearest(self, z: torch.Tensor) -> torch.Tensor:
        """[...,K] -> ids [...]."""
        return torch.cdist(z.reshape(-1, z.shape[-1]), self.vectors).argmin(dim=1).reshape(z.shape[:-1])

    def lookup(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids [...] -> vectors [...,K]."""
        return self.vectors[ids]

    @torch.no_grad()
    def adopt(self, z: torch.Tensor, generator: torch.Generator) -> None:
        """Start from random vectors of ``z``."""
        flat = z.reshape(-1, z.shape[-1])
        pick = torch.randint(flat.shape[0], (self.vectors.shape[0],), generator=generator)
        self.vectors.copy_(flat[pick])
        self.sums.copy_(self.vectors)
        self.members.fill_(1.0)

    @torch.no_grad()
    def follow(self, z: torch.Tensor, ids: torch.Tensor, generator: torch.Generator) -> None:
        """Move the codes towards their members, dead codes onto random vectors."""
        flat, ids = z.reshape(-1, z.shape[-1]), ids.reshape(-1)
        chosen = functional.one_hot(ids, self.vectors.shape[0]).to(flat.dtype)
        self.members.mul_(DECAY).add_(chosen.sum(dim=0), alpha=1 - DECAY)
        self.sums.mul_(DECAY).add_(chosen.T @ flat, alpha=1 - DECAY)
        self.vectors.copy_(self.sums / self.members.clamp_min(1e-4)[:, None])
        self.revive(flat, generator)

    @torch.no_grad()
    def revive(self, flat: torch.Tensor, generator: torch.Generator) -> None:
        """Put codes without members on vectors [N,K] that need one."""
        dead = torch.nonzero(self.members < DEAD_BELOW).reshape(-1)
        if dead.numel():
            pick = torch.randint(flat.shape[0], (dead.numel(),), generator=generator)
            self.vectors[dead] = flat[pick]
            self.members[dead] = 1.0
            self.sums[dead] = flat[pick]


class Decoder(nn.Module):
    """Codes [B,K,1,T] -> map [B,4,64,64] mm: nearest-neighbour doubling and 3x3 convolutions with ReLU."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        wide = config.decoder_width
        self.wide = wide
        self.hidden = Pointwise(config.code_dim * config.tokens_per_frame, 4 * wide)
        self.spread = Pointwise(4 * wide, wide * START * START)
        self.conv1 = nn.Conv2d(wide, wide, 3, padding=1)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1)
        self.conv3 = nn.Conv2d(wide, wide // 2, 3, padding=1)
        self.conv4 = nn.Conv2d(wide // 2, len(MAP_CHANNELS), 3, padding=1)
        nn.init.normal_(self.conv4.weight, std=0.05)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Decode; mm."""
        x = functional.relu(self.hidden(codes.reshape(codes.shape[0], -1, 1, 1)))
        x = self.spread(x).reshape(codes.shape[0], self.wide, START, START)
        x = functional.relu(self.conv1(x))
        x = functional.relu(self.conv2(functional.interpolate(x, scale_factor=2.0, mode="nearest")))
        x = functional.relu(self.conv3(functional.interpolate(x, scale_factor=2.0, mode="nearest")))
        return self.conv4(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
