"""The peer: a plain convolutional regressor of 170 k parameters, trained on the same clips as the model."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from device_agent.engine.features import MELS, log_mel
from model_pipeline.data.samples import SpeakerMotion
from model_pipeline.training.pool import Pool

WIDTH = 96
STEPS = 800
BATCH = 24
RATE = 2e-3
DROPOUT = 0.1


class ConvNet(nn.Module):
    """Log-mel [B,80,4*F] -> motion coefficients [B,F,P]; sees 0.2 s to each side."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(MELS, WIDTH, 5, stride=2, padding=2), nn.GELU(),
            nn.Conv1d(WIDTH, WIDTH, 5, stride=2, padding=2), nn.GELU(), nn.Dropout(DROPOUT),
            nn.Conv1d(WIDTH, WIDTH, 5, padding=2), nn.GELU(), nn.Dropout(DROPOUT),
            nn.Conv1d(WIDTH, WIDTH - 16, 5, padding=2), nn.GELU(),
            nn.Conv1d(WIDTH - 16, outputs, 1),
        )  # fmt: skip

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Regress."""
        return self.body(mel).transpose(1, 2)


def train(real: Pool, opening_row: NDArray[np.float32], seed: int) -> ConvNet:
    """Fit the regressor on ``real``; millimetres of opening count beside the coefficients."""
    torch.manual_seed(seed)
    model, row = ConvNet(len(opening_row)), torch.from_numpy(opening_row)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        batch = real.draw(BATCH, [seed, 8, step])
        found = model(batch.mel)
        loss = functional.smooth_l1_loss(found, batch.motion) + 0.05 * functional.smooth_l1_loss(
            found @ row, batch.motion @ row
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@torch.inference_mode()
def predict(model: ConvNet, motion: SpeakerMotion) -> NDArray[np.floating]:
    """Return coefficients [F,P] of a held-out clip."""
    mel = log_mel(motion.track.audio)
    found = model(torch.from_numpy(mel)[None])[0].numpy()
    return np.asarray(found[: len(motion.motion)])
