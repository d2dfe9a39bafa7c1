"""The model as a whole sequence, as single steps with caches, and in windows, is one model."""

import numpy as np
import pytest
import torch

from device_agent.engine import features, rope
from model_pipeline.models.config import TINY
from model_pipeline.models.layers import rotate
from model_pipeline.models.nano import Nano, pad_mel, sequence_tables
from model_pipeline.models.spacetime import HIDDEN, Cache

FRAMES = 17


@pytest.fixture
def model() -> Nano:
    torch.manual_seed(1)
    return Nano(TINY).eval()


def random_codes(model: Nano, frames: int = FRAMES) -> torch.Tensor:
    config = model.config
    return torch.randn(1, config.code_dim, frames, config.tokens_per_frame)


@torch.no_grad()
def test_steps_with_caches_give_the_logits_of_the_whole_sequence(model):
    config = model.config
    audio, codes = torch.randn(1, config.width, 1, FRAMES), random_codes(model)
    prompt = model.null_prompt()
    whole = model.spacetime(audio, codes, prompt, *sequence_tables(FRAMES, config))
    slots = config.context_frames * config.slot
    k = torch.zeros(config.layers * config.heads, config.head_dim, 1, slots)
    v, mask = torch.zeros_like(k), torch.full((1, 1, 1, slots), HIDDEN)
    for t in range(FRAMES):
        cos, sin = (torch.from_numpy(x) for x in rope.tables(t, config.slot, config.head_dim))
        logits, new_k, new_v = model.spacetime.step(
            audio[..., t : t + 1], codes[:, :, t : t + 1], cos, sin, prompt, Cache(k, v, mask)
        )
        place = slice(t % config.context_frames * config.slot, (t % config.context_frames + 1) * config.slot)
        k[..., place], v[..., place], mask[..., place] = new_k, new_v, 0.0
        assert torch.allclose(logits[:, :, 0], whole[:, :, t], atol=2e-4), t


@torch.no_grad()
def test_audio_in_windows_gives_the_tokens_of_the_whole(model):
    config = model.config
    sound = np.random.default_rng(0).normal(size=features.SAMPLE_RATE * 2).astype(np.float32) * 0.1
    whole = model.audio(pad_mel(torch.from_numpy(features.log_mel(sound))[None], config))
    cut = features.windows(sound, left=config.audio_left, chunk=config.audio_chunk, right=config.audio_right)
    pieces = [model.audio(torch.from_numpy(window))[..., :count] for _, count, window in cut]
    assert torch.allclose(torch.cat(pieces, dim=3), whole, atol=1e-4)


@torch.no_grad()
def test_no_visual_token_moves_an_audio_state(model):
    config = model.config
    audio = torch.randn(1, config.width, 1, FRAMES)
    tables = sequence_tables(FRAMES, config)

    def audio_states(codes: torch.Tensor) -> torch.Tensor:
        states = model.spacetime.states(audio, codes, model.null_prompt(), *tables)
        return states.reshape(1, config.width, FRAMES, config.slot)[..., 0]

    one, other = audio_states(random_codes(model)), audio_states(random_codes(model) * 5)
    assert torch.equal(one, other)


@torch.no_grad()
def test_visual_tokens_do_see_audio(model):
    codes, tables = random_codes(model), sequence_tables(FRAMES, model.config)
    one, other = (
        model.spacetime(torch.randn(1, model.config.width, 1, FRAMES), codes, model.null_prompt(), *tables)
        for _ in range(2)
    )
    assert (one - other).abs().max() > 1e-3


@torch.no_grad()
def test_no_frame_sees_the_future(model):
    audio, tables = torch.randn(1, model.config.width, 1, FRAMES), sequence_tables(FRAMES, model.config)
    codes = random_codes(model)
    changed = codes.clone()
    changed[:, :, -1] += 3.0
    one, other = (model.spacetime(audio, c, model.null_prompt(), *tables) for c in (codes, changed))
    assert torch.equal(one[:, :, :-1], other[:, :, :-1])
    assert not torch.equal(one[:, :, -1], other[:, :, -1])


def test_strope_scores_depend_on_differences_alone():
    query, key = torch.randn(1, 1, 32, 5), torch.randn(1, 1, 32, 5)

    def scores(first: int, second: int) -> torch.Tensor:
        a = rotate(query, *(torch.from_numpy(x) for x in rope.tables(first, 5, 32)))
        b = rotate(key, *(torch.from_numpy(x) for x in rope.tables(second, 5, 32)))
        return a.transpose(2, 3) @ b

    assert torch.allclose(scores(3, 1), scores(1003, 1001), atol=1e-4)
    assert not torch.allclose(scores(3, 1), scores(3, 2), atol=1e-2)


@torch.no_grad()
def test_one_null_key_with_a_bias_equals_256_null_keys(model):
    config = model.config
    audio, codes = torch.randn(1, config.width, 1, FRAMES), random_codes(model)
    tables = sequence_tables(FRAMES, config)
    short = model.spacetime(audio, codes, model.null_prompt(), *tables)
    full = model.photo_prompt(torch.zeros(1, 3, 256, 256), torch.zeros(1, 4, 1, 1))
    assert full.k[0].shape[-1] == 256
    assert torch.allclose(short, model.spacetime(audio, codes, full, *tables), atol=1e-4)
