"""Layers on channel-first tensors [B, D, 1, N]: what an NPU compiles best, and what the graphs are exported from."""

import torch
from torch import nn
from torch.nn import functional

NORM_EPS = 1e-5


class Pointwise(nn.Module):
    """A linear layer on channels, [B,in,1,N] -> [B,out,1,N]; ``weight`` is [out,in], what a LoRA delta changes."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * gain / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the layer."""
        return functional.conv2d(x, self.weight[:, :, None, None], self.bias)


class ChannelNorm(nn.Module):
    """RMS norm over channels (arXiv:1910.07467)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1, width, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each token to unit mean square."""
        return x * torch.rsqrt(torch.mean(x * x, dim=1, keepdim=True) + NORM_EPS) * self.gain


class FeedForward(nn.Module):
    """Two pointwise layers, four times as wide in between."""

    def __init__(self, width: int, *, depth: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(width)
        self.up = Pointwise(width, 4 * width)
        self.down = Pointwise(4 * width, width, gain=depth**-0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what is added to ``x``."""
        return self.down(functional.gelu(self.up(self.norm(x))))


class AttentionLayer(nn.Module):
    """The parts of one pre-norm transformer layer; who sees whom, its subclasses say."""

    def __init__(self, width: int, heads: int, *, depth: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = ChannelNorm(width)
        self.q = Pointwise(width, width, bias=False)
        self.k = Pointwise(width, width, bias=False)
        self.v = Pointwise(width, width)
        self.out = Pointwise(width, width, gain=depth**-0.5)
        self.feed = FeedForward(width, depth=depth)

    def keys(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Unrotated keys and values [B,H,dh,N] of normalised tokens."""
        return split_heads(self.k(tokens), self.heads), split_heads(self.v(tokens), self.heads)


def split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """[B, H*dh, 1, N] -> [B, H, dh, N]."""
    return x.reshape(x.shape[0], heads, x.shape[1] // heads, x.shape[3])


def merge_heads(x: torch.Tensor) -> torch.Tensor:
    """[B, H, dh, N] -> [B, H*dh, 1, N]."""
    return x.reshape(x.shape[0], x.shape[1] * x.shape[2], 1, x.shape[3])


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """ST-RoPE as a rotation of [B,H,dh,N] by tables [1,dh,1,N] or [1,1,dh,N] (device_agent.engine.rope)."""
    plane = x.shape[2] // 4
    a, b, c, d = (x[:, :, i * plane : (i + 1) * plane] for i in range(4))
    turned = torch.cat([-b, a, -d, c], dim=2)
    shape = (1, 1, x.shape[2], x.shape[3])
    return x * cos.reshape(shape) + turned * sin.reshape(shape)
