"""Audio encoder: log-mel -> one token per video frame, three frames of look-ahead.

Attention is banded with a learned bias for each distance, so a window cut anywhere gives the tokens of the whole.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from device_agent.engine.features import MEL_PER_FRAME, MELS
from model_pipeline.models.config import ModelConfig
from model_pipeline.models.layers import AttentionLayer, ChannelNorm, merge_heads, split_heads

FAR = -1e4


class AudioLayer(AttentionLayer):
    """Banded self-attention and feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.width, config.heads, depth=2 * config.audio_layers)
        self.back, self.ahead = config.audio_band
        self.distance = nn.Parameter(torch.zeros(config.heads, self.back + self.ahead + 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,D,1,T] -> [B,D,1,T]."""
        y = self.norm(x)
        q = split_heads(self.q(y), self.heads)
        k, v = self.keys(y)
        scores = q.transpose(2, 3) @ k * q.shape[2] ** -0.5 + self.band(x.shape[3])
        mixed = v @ torch.softmax(scores, dim=-1).transpose(2, 3)
        x = x + self.out(merge_heads(mixed))
        return x + self.feed(x)

    def band(self, frames: int) -> torch.Tensor:
        """Return the bias [1,H,T,T]: learned inside the band, FAR outside."""
        index, outside = _band(frames, self.back, self.ahead)
        bias = torch.index_select(self.distance, 1, torch.from_numpy(index.reshape(-1)))
        return bias.reshape(1, self.heads, frames, frames) + torch.from_numpy(outside)


def _band(frames: int, back: int, ahead: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Which learned bias each pair of frames takes [T,T], and what is added to keep it out or in."""
    distance = np.arange(frames)[None, :] - np.arange(frames)[:, None]
    inside = (distance >= -back) & (distance <= ahead)
    return np.clip(distance + back, 0, back + ahead), np.where(inside, 0.0, FAR).astype(np.float32)


class AudioEncoder(nn.Module):
    """Convolution stem, then ``audio_layers`` banded layers."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.left, self.right = config.audio_left, config.audio_right
        self.stem = nn.Conv2d(MELS, config.width, (1, 3), padding=(0, 1))
        self.stride = nn.Conv2d(config.width, config.width, (1, MEL_PER_FRAME), stride=(1, MEL_PER_FRAME))
        self.layers = nn.ModuleList(AudioLayer(config) for _ in range(config.audio_layers))
        self.norm = ChannelNorm(config.width)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """[B,80,1,4*(left+T+right)] -> [B,D,1,T]."""
        x = functional.gelu(self.stem(mel))
        x = functional.gelu(self.stride(x))
        for layer in self.layers:
            x = layer(x)
        x = self.norm(x)
        return x[:, :, :, self.left : x.shape[3] - self.right]
