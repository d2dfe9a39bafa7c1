"""The model with one thing changed; each is the product's own code but for the method that is replaced."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from device_agent.engine import rope
from model_pipeline.ablate.quantisers import Fsq, NoRevival, SimVq, fsq_grid
from model_pipeline.models.config import NANO, ModelConfig
from model_pipeline.models.nano import Nano
from model_pipeline.models.spacetime import HIDDEN, Prompt, SpaceTime, sequence_mask


class PlainRope(Nano):
    """Rotary position over one running index of all tokens (RoFormer, arXiv:2104.09864)."""

    def tables(self, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Turn every plane of the head by the token's place in the whole sequence."""
        planes = self.config.head_dim // 2
        speed = (rope.FRAME_BASE * self.config.slot) ** (-torch.arange(planes) / planes)
        angle = speed[:, None] * torch.arange(frames * self.config.slot)[None]
        first, second = angle[: planes // 2], angle[planes // 2 :]
        whole = torch.cat([first, first, second, second])[None, :, None, :]
        return whole.cos(), whole.sin()


class _TwoWay(SpaceTime):
    def mask(self, frames: int) -> torch.Tensor:
        """Hide nothing of a frame that time does not hide: the row of a visual token is the row of its frame."""
        slot = self.config.slot
        visual = sequence_mask(frames, self.config)[:, :, 1::slot]
        return visual.repeat_interleave(slot, dim=2)


class NoMask(Nano):
    """Audio tokens see visual tokens too."""

    def __init__(self, config: ModelConfig = NANO) -> None:
        super().__init__(config)
        self.spacetime = _TwoWay(config)


class NoPrompt(Nano):
    """No visual prompt: not even the learned one that stands for "no photo"."""

    def null_prompt(self, batch: int = 1) -> Prompt:
        """Hide the only key of the prompt."""
        hidden = super().null_prompt(batch)
        return Prompt(hidden.k, hidden.v, HIDDEN)


class _InOrder(SpaceTime):
    def mask(self, frames: int) -> torch.Tensor:
        """Hide later tokens of the same frame from a visual token."""
        slot, mask = self.config.slot, sequence_mask(frames, self.config)
        later = torch.triu(torch.full((slot, slot), HIDDEN), diagonal=1)
        return mask + torch.block_diag(*[later] * frames)[None, None]


class TokenByToken(Nano):
    """Tokens of a frame one after the other, each told the one before it: T passes a frame."""

    def __init__(self, config: ModelConfig = NANO) -> None:
        super().__init__(config)
        self.spacetime = _InOrder(config)

    @property
    def passes(self) -> int:
        """Passes of the transformer for one frame."""
        return self.config.tokens_per_frame

    def fed_back(self, codes: torch.Tensor) -> torch.Tensor:
        """Tell every token the code before it, across frames."""
        flat = codes.flatten(1, 2)
        return torch.nn.functional.pad(flat, (0, 0, 1, 0))[:, : flat.shape[1]].reshape(codes.shape)


@dataclass(frozen=True)
class Variant:
    """One row of the table."""

    name: str
    """For the command line."""
    title: str
    build: Callable[[], Nano]
    speaks: bool = True
    """False: only the tokeniser is compared."""


def _sized(codebook: int) -> Callable[[], Nano]:
    return lambda: Nano(replace(NANO, codebook_size=codebook))


def _with(codebook: type, config: ModelConfig = NANO) -> Callable[[], Nano]:
    def build() -> Nano:
        model = Nano(config)
        model.codebook = codebook(config)
        return model

    return build


FSQ_CONFIG = replace(NANO, code_dim=fsq_grid(NANO.codebook_size).shape[1])
VARIANTS = (
    Variant("as-shipped", "as shipped", Nano),
    Variant("plain-rope", "plain RoPE over one running index", PlainRope),
    Variant("no-mask", "audio tokens see visual ones", NoMask),
    Variant("no-prompt", "no visual prompt", NoPrompt),
    Variant("token-by-token", "token by token, 4 passes a frame", TokenByToken),
    Variant("codebook-128", "codebook of 128", _sized(128)),
    Variant("codebook-2048", "codebook of 2048", _sized(2048)),
    Variant("no-revival", "VQ without revival of dead codes", _with(NoRevival), speaks=False),
    Variant("fsq", "FSQ, 8x8x8 levels (arXiv:2309.15505)", _with(Fsq, FSQ_CONFIG), speaks=False),
    Variant("simvq", "SimVQ (arXiv:2411.02038)", _with(SimVq), speaks=False),
)
