"""The repair network and the critic that it is trained against.

3x3 convolutions, ReLU and nearest-neighbour enlargement alone: what an NPU runs without a detour. Three sizes with
the finer one added back on the way up (Ronneberger et al., arXiv:1505.04597); the critic judges patches (Isola et
al., arXiv:1611.07004).
"""

import torch
from torch import nn
from torch.nn import functional

SEEN, CHANGED = 4, 3
"""Y, U, V and cover of the hollow in; changes of Y, U, V out."""
WIDTHS = (12, 24, 48)
CRITIC_WIDTHS = (16, 32)
LEAK = 0.2
START_GAIN = 0.05
"""The last layer begins so small that a mouth is hardly changed."""


class RepairNet(nn.Module):
    """[B,4,48,64] -> [B,3,48,64], 52 thousand weights."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.enter = _conv(SEEN, fine)
        self.down1, self.down2 = _conv(fine, middle, stride=2), _conv(middle, coarse, stride=2)
        self.inner = _conv(coarse, coarse)
        self.up1, self.up2 = _conv(coarse, middle), _conv(middle, fine)
        self.leave = _conv(fine, CHANGED)
        with torch.no_grad():
            self.leave.weight.mul_(START_GAIN)
            self.leave.bias.zero_()

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Return the change of each cell, in the units of what is seen."""
        fine = functional.relu(self.enter(seen))
        middle = functional.relu(self.down1(fine))
        coarse = functional.relu(self.inner(functional.relu(self.down2(middle))))
        middle = functional.relu(self.up1(_double(coarse))) + middle
        fine = functional.relu(self.up2(_double(middle))) + fine
        change: torch.Tensor = self.leave(fine)
        return change


class Critic(nn.Module):
    """[B,4,48,64] -> [B,1,12,16]: above 0 where a patch looks photographed."""

    def __init__(self) -> None:
        super().__init__()
        first, second = CRITIC_WIDTHS
        self.first, self.second = _conv(SEEN, first, stride=2), _conv(first, second, stride=2)
        self.third, self.verdict = _conv(second, second), _conv(second, 1)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Judge every patch."""
        for layer in (self.first, self.second, self.third):
            seen = functional.leaky_relu(layer(seen), LEAK)
        judged: torch.Tensor = self.verdict(seen)
        return judged


class RepairTraining(nn.Module):
    """Both, as one thing to train and to resume."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.critic = RepairNet(), Critic()


def _conv(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)


def _double(x: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
