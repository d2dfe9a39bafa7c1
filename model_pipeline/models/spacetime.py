"""Spatio-temporal transformer: block-causal over [256 prompt | a1 v1 a2 v2 ...], all tokens of a frame in one pass.

* One-way mask: visual tokens see audio, audio tokens never see visual ones.
* ST-RoPE turns queries and keys of audio and visual tokens; prompt keys stand outside time and are met unrotated.
* A visual token starts from its own frame's audio token, its place, and the code that was fed back.
* Frame t sees itself and the ``context_frames`` before it.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model_pipeline.models.config import ModelConfig
from model_pipeline.models.layers import AttentionLayer, ChannelNorm, Pointwise, merge_heads, rotate, split_heads

HIDDEN = -1e4


class Cache(NamedTuple):
    """Keys and values of the frames before: [L*H, dh, 1, C]; ``mask`` [1,1,1,C] is 0 where valid."""

    k: torch.Tensor
    v: torch.Tensor
    mask: torch.Tensor


class Prompt(NamedTuple):
    """Keys and values of the prompt for each layer, [B,H,dh,P]; ``bias`` is added to their scores."""

    k: list[torch.Tensor]
    v: list[torch.Tensor]
    bias: float


class Block(AttentionLayer):
    """Attention to prompt, cache and own tokens; feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.width, config.heads, depth=2 * config.layers)

    def attend(  # noqa: PLR0917
        self, q: torch.Tensor, turned: torch.Tensor, prompt: Prompt, layer: int,
        keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        """Mix prompt (met by ``q``) and ``keys`` (met by the rotated ``turned``) under ``mask``."""
        root = q.shape[2] ** -0.5
        to_prompt = q.transpose(2, 3) @ prompt.k[layer] * root + prompt.bias
        to_past = turned.transpose(2, 3) @ keys * root + mask
        weights = torch.softmax(torch.cat([to_prompt, to_past], dim=-1), dim=-1)
        return torch.cat([prompt.v[layer], values], dim=-1) @ weights.transpose(2, 3)


class SpaceTime(nn.Module):
    """Audio tokens and fed-back codes in, logits of every frame's visual tokens out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.feedback = Pointwise(config.code_dim, config.width)
        self.place = nn.Parameter(torch.randn(1, config.width, 1, config.tokens_per_frame) * 0.3)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = ChannelNorm(config.width)
        self.head = Pointwise(config.width, config.codebook_size, gain=0.2)

    @torch.no_grad()
    def start_head(self, vectors: torch.Tensor, generator: torch.Generator) -> None:
        """Start the logits as nearness to code vectors [codebook,K], so millimetres move them from the start."""
        spread = vectors.var().clamp_min(1e-4)
        aim = (
            torch.randn(vectors.shape[1], self.config.width, generator=generator)
            * (spread / self.config.width).sqrt()
        )
        self.head.weight.copy_(vectors @ aim / spread)
        self.head.bias.copy_(-0.5 * vectors.square().sum(dim=1) / spread)

    def prompt(self, tokens: torch.Tensor, bias: float) -> Prompt:
        """Keys and values of prompt tokens [B,D,1,P] for each layer."""
        pairs = [block.keys(tokens) for block in self.blocks]
        return Prompt([k for k, _ in pairs], [v for _, v in pairs], bias)

    def forward(
        self, audio: torch.Tensor, feedback: torch.Tensor, prompt: Prompt, cos: torch.Tensor, sin: torch.Tensor
    ) -> torch.Tensor:
        """Whole sequence: audio [B,D,1,F], feedback [B,K,F,T] -> logits [B,codebook,F,T]."""
        states = self.states(audio, feedback, prompt, cos, sin)
        visual = states.reshape(states.shape[0], states.shape[1], audio.shape[3], self.config.slot)[..., 1:]
        flat = visual.reshape(visual.shape[0], visual.shape[1], 1, -1)
        logits = self.head(self.norm(flat))
        return logits.reshape(logits.shape[0], logits.shape[1], audio.shape[3], self.config.tokens_per_frame)

    def mask(self, frames: int) -> torch.Tensor:
        """Who sees whom: [1,1,N,N], 0 or HIDDEN."""
        return sequence_mask(frames, self.config)

    def states(
        self, audio: torch.Tensor, feedback: torch.Tensor, prompt: Prompt, cos: torch.Tensor, sin: torch.Tensor
    ) -> torch.Tensor:
        """Hidden states [B,D,1,F*(1+T)] after the last block; tables [1,dh,1,F*(1+T)]."""
        batch, _, frames, tokens = feedback.shape
        visual = self.feedback(feedback.reshape(batch, -1, 1, frames * tokens))
        heard = audio.transpose(2, 3)
        visual = visual.reshape(batch, -1, frames, tokens) + self.place + heard
        x = torch.cat([heard, visual], dim=3).reshape(batch, -1, 1, frames * (1 + tokens))
        mask = self.mask(frames)
        for layer, block in enumerate(self.blocks):
            y = block.norm(x)
            q = split_heads(block.q(y), block.heads)
            k, v = block.keys(y)
            mixed = block.attend(q, rotate(q, cos, sin), prompt, layer, rotate(k, cos, sin), v, mask)
            x = x + block.out(merge_heads(mixed))
            x = x + block.feed(x)
        return x

    def step(  # noqa: PLR0917
        self, audio: torch.Tensor, feedback: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor,
        prompt: Prompt, cache: Cache,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
        """One frame: audio [1,D,1,1], feedback [1,K,1,T] -> logits [1,codebook,1,T], new keys, new values."""
        config = self.config
        x = torch.cat([audio, self.feedback(feedback) + self.place + audio], dim=3)
        mask = step_mask(config) + torch.nn.functional.pad(cache.mask, (0, config.slot))
        cached_k = cache.k.reshape(config.layers, 1, config.heads, config.head_dim, -1)
        cached_v = cache.v.reshape(config.layers, 1, config.heads, config.head_dim, -1)
        new_k, new_v = [], []
        for layer, block in enumerate(self.blocks):
            y = block.norm(x)
            q = split_heads(block.q(y), block.heads)
            k, v = block.keys(y)
            turned = rotate(k, cos, sin)
            keys, values = torch.cat([cached_k[layer], turned], dim=3), torch.cat([cached_v[layer], v], dim=3)
            mixed = block.attend(q, rotate(q, cos, sin), prompt, layer, keys, values, mask)
            x = x + block.out(merge_heads(mixed))
            x = x + block.feed(x)
            new_k.append(turned)
            new_v.append(v)
        shape = (config.layers * config.heads, config.head_dim, 1, config.slot)
        logits = self.head(self.norm(x[:, :, :, 1:]))
        return logits, torch.cat(new_k, dim=1).reshape(shape), torch.cat(new_v, dim=1).reshape(shape)


def sequence_mask(frames: int, config: ModelConfig) -> torch.Tensor:
    """Mask [1,1,N,N] of a whole sequence: 0 where a token may look."""
    frame = np.repeat(np.arange(frames), config.slot)
    audio = np.tile(np.arange(config.slot) == 0, frames)
    back = frame[:, None] - frame[None, :]
    near = (back >= 0) & (back <= config.context_frames)
    return _hide(~(near & (audio[None, :] | ~audio[:, None])))


def step_mask(config: ModelConfig) -> torch.Tensor:
    """[1,1,1+T,C+1+T] over cache slots and own tokens: the audio row never sees a visual token."""
    keys = config.context_frames * config.slot + config.slot
    hidden = np.zeros((config.slot, keys), dtype=bool)
    hidden[0] = np.arange(keys) % config.slot != 0
    return _hide(hidden)


def _hide(hidden: NDArray[np.bool_]) -> torch.Tensor:
    return torch.from_numpy(np.where(hidden, HIDDEN, 0.0).astype(np.float32))[None, None]
