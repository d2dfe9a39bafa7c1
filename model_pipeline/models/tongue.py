"""The network that hears where the tongue is: convolutions over the log-mel, six frames to either side.

It has ears of its own. What the audio encoder keeps is what moves lips, and tongue sounds hardly do: a network on its
tokens found L and TH of real people worse than this one (docs/model/tongue.md).
"""

import torch
from torch import nn
from torch.nn import functional

from device_agent.engine.features import MEL_PER_FRAME, MELS
from model_pipeline.models.config import NANO, ModelConfig

WIDTH, LAYERS, KERNEL = 64, 3, 5
DROPPED = 0.1


class TongueNet(nn.Module):
    """[B,80,1,4*(left+T+right)] -> height of the tip [B,1,1,T], 0..1; 106 thousand weights."""

    def __init__(self, config: ModelConfig = NANO) -> None:
        super().__init__()
        self.left, self.right = config.audio_left, config.audio_right
        self.stem = nn.Conv2d(MELS, WIDTH, (1, KERNEL), padding=(0, KERNEL // 2))
        self.stride = nn.Conv2d(WIDTH, WIDTH, (1, MEL_PER_FRAME), stride=(1, MEL_PER_FRAME))
        self.wide = nn.ModuleList(
            nn.Conv2d(WIDTH, WIDTH, (1, KERNEL), padding=(0, KERNEL // 2)) for _ in range(LAYERS)
        )
        self.mix = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 1) for _ in range(LAYERS))
        self.tip = nn.Conv2d(WIDTH, 1, 1)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Return the height in each frame of the window's middle."""
        x = functional.gelu(self.stem(mel))
        x = functional.gelu(self.stride(x))
        for wide, mix in zip(self.wide, self.mix, strict=True):
            x = x + functional.dropout(mix(functional.gelu(wide(x))), DROPPED, self.training)
        height = torch.sigmoid(self.tip(x))
        return height[:, :, :, self.left : height.shape[3] - self.right]
