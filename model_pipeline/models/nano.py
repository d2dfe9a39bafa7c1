"""The whole model as one torch module; parameter names are the tensor names of ``weights.safetensors``."""

import numpy as np
import torch
from torch import nn

from device_agent.engine import canonical, rope
from device_agent.engine.features import MEL_PER_FRAME, MELS, SILENCE
from model_pipeline.data.basis import COEFFICIENTS, MotionBasis
from model_pipeline.models.audio import AudioEncoder
from model_pipeline.models.config import MAP_CHANNELS, NANO, ModelConfig
from model_pipeline.models.prompt import NULL_BIAS, VisualPrompt
from model_pipeline.models.spacetime import Prompt, SpaceTime
from model_pipeline.models.tokeniser import Codebook, Decoder, Encoder


class Nano(nn.Module):
    """Audio encoder, visual prompt, spatio-temporal transformer, motion tokeniser, and the face they move."""

    def __init__(self, config: ModelConfig = NANO) -> None:
        super().__init__()
        self.config = config
        self.audio = AudioEncoder(config)
        self.vit = VisualPrompt(config)
        self.spacetime = SpaceTime(config)
        self.encoder = Encoder(config, COEFFICIENTS)
        self.codebook = Codebook(config)
        self.decoder = Decoder(config)
        size = canonical.MAP_SIZE
        self.register_buffer("points", torch.zeros(478, 3))
        self.register_buffer("components", torch.zeros(COEFFICIENTS, 956))
        self.register_buffer("maps", torch.zeros(COEFFICIENTS, len(MAP_CHANNELS), size, size))
        self.register_buffer("opening_map", torch.zeros(len(MAP_CHANNELS), size, size))

    def set_basis(self, basis: MotionBasis) -> None:
        """Adopt the canonical face and the motion components."""
        for name in ("points", "components", "maps", "opening_map"):
            getattr(self, name).copy_(torch.from_numpy(getattr(basis, name)))

    def basis(self) -> MotionBasis:
        """Return the canonical face and the motion components as numpy."""
        return MotionBasis(*(getattr(self, n).cpu().numpy() for n in ("points", "components", "maps", "opening_map")))

    def null_prompt(self, batch: int = 1) -> Prompt:
        """Prompt without a photo."""
        return self.spacetime.prompt(self.vit.null_tokens().expand(batch, -1, -1, -1), NULL_BIAS)

    def photo_prompt(self, photo: torch.Tensor, rest: torch.Tensor) -> Prompt:
        """Prompt of a photo [B,3,256,256]."""
        return self.spacetime.prompt(self.vit(photo, rest), 0.0)

    def logits(self, mel: torch.Tensor, feedback: torch.Tensor, prompt: Prompt) -> torch.Tensor:
        """Whole clip: mel [B,80,4*F], feedback [B,F,T,K] -> logits [B,F,T,codebook]."""
        return self.motion_logits(self.audio(pad_mel(mel, self.config)), feedback, prompt)

    def motion_logits(self, audio: torch.Tensor, feedback: torch.Tensor, prompt: Prompt) -> torch.Tensor:
        """Audio tokens [B,D,1,F] and feedback [B,F,T,K] -> logits [B,F,T,codebook]."""
        cos, sin = self.tables(audio.shape[3])
        out = self.spacetime(audio, feedback.permute(0, 3, 1, 2), prompt, cos, sin)
        return out.permute(0, 2, 3, 1)

    def tables(self, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Rotation tables [1,dh,1,F*(1+T)] of a sequence."""
        return sequence_tables(frames, self.config)

    def fed_back(self, codes: torch.Tensor) -> torch.Tensor:
        """Codes [B,F,T,K] -> what every frame is told of the past, of the same shape."""
        lag = self.config.feedback_lag
        return nn.functional.pad(codes, (0, 0, 0, 0, lag, 0))[:, : codes.shape[1]]

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Code vectors [N,T,K] -> maps [N,4,64,64]."""
        return self.decoder(codes.transpose(1, 2)[:, :, None, :])


def pad_mel(mel: torch.Tensor, config: ModelConfig) -> torch.Tensor:
    """[B,80,N] -> [B,80,1,N + borders], with silence before and after as the frame cuts its windows."""
    left, right = config.audio_left * MEL_PER_FRAME, config.audio_right * MEL_PER_FRAME
    return nn.functional.pad(mel, (left, right), value=SILENCE).reshape(mel.shape[0], MELS, 1, -1)


def sequence_tables(frames: int, config: ModelConfig, first: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotation tables [1,dh,1,F*(1+T)] of a whole sequence."""
    pairs = [rope.tables(first + t, config.slot, config.head_dim) for t in range(frames)]
    cos, sin = (np.concatenate([pair[i] for pair in pairs], axis=3) for i in (0, 1))
    return torch.from_numpy(cos), torch.from_numpy(sin)


def lip_sampler(points: np.ndarray, index: list[int]) -> torch.Tensor:
    """Matrix [len(index), 64*64] that samples one map channel bilinearly at canonical landmark positions."""
    unit = np.eye(canonical.MAP_SIZE**2, dtype=np.float64).reshape(-1, canonical.MAP_SIZE, canonical.MAP_SIZE)
    return torch.from_numpy(canonical.sample_map(unit, points[index, :2]).T.astype(np.float32))
