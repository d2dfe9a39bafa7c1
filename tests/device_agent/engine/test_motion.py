"""The token loop: the same seed gives the same performance, chunks leave no trace, memory stays flat."""

import numpy as np
import pytest
from msgspec import structs

from device_agent.engine import features
from device_agent.engine.loaded import Engine
from device_agent.engine.runtime.motion import codes_by, draw_tokens
from device_agent.engine.runtime.ring import EMPTY, Ring
from device_agent.engine.stopwatch import peak_memory_mb
from frame_protocol.model_package import Decode, Sampling

LIKELIEST = Sampling(temperature=0.0)


def tokens(engine: Engine, samples: np.ndarray, sampling: Sampling) -> list[list[int]]:
    return [frame.tokens for frame in engine.motion.speak(samples, engine.motion.null_prompt(), sampling)]


def loudness(seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * 16000)) / 16000
    noise = np.random.default_rng(3).normal(0, 0.2, len(time))
    return (noise * (0.51 + 0.5 * np.sin(time * 7))).astype(np.float32)


def test_there_is_one_motion_for_each_video_frame(engine: Engine) -> None:
    samples = loudness(1.01)
    assert len(tokens(engine, samples, LIKELIEST)) == features.frame_count(len(samples)) == 26


def test_the_same_seed_gives_the_same_performance(engine: Engine) -> None:
    samples = loudness(1.0)
    warm = Sampling(temperature=1.0, seed=5)
    assert tokens(engine, samples, warm) == tokens(engine, samples, warm)
    assert tokens(engine, samples, warm) != tokens(engine, samples, Sampling(temperature=1.0, seed=6))


def test_the_mean_of_the_codes_lies_between_those_drawn() -> None:
    codebook = np.array([[0.0, 1.0], [2.0, 3.0], [9.0, 9.0]], np.float32)
    logits = np.array([[0.0, 5.0], [0.0, -100.0], [-100.0, -100.0]], np.float32)
    tokens, codes = codes_by(Sampling(decode=Decode.MEAN, temperature=1.0), codebook)(logits)
    assert codes == pytest.approx(np.array([[1.0, 2.0], [0.0, 1.0]]), abs=1e-5)
    assert list(tokens) == [0, 0]


def test_the_mean_performance_owes_nothing_to_the_seed(engine: Engine) -> None:
    samples, prompt = loudness(1.0), engine.motion.null_prompt()
    one, other = (
        [frame.motion for frame in engine.motion.speak(samples, prompt, Sampling(decode=Decode.MEAN, seed=seed))]
        for seed in (1, 2)
    )
    assert np.array_equal(one, other)


def test_a_gain_widens_what_is_shown_and_nothing_that_is_fed_back(engine: Engine) -> None:
    samples, prompt = loudness(1.0), engine.motion.null_prompt()
    plain, wide = (
        list(engine.motion.speak(samples, prompt, Sampling(decode=Decode.MEAN, gain=gain))) for gain in (1.0, 1.25)
    )
    for one, other in zip(plain, wide, strict=True):
        assert np.array_equal(one.codes, other.codes)
        assert np.array_equal(other.motion, one.motion * np.float32(1.25))
    assert max(float(np.abs(frame.motion).max()) for frame in plain) > 0


def test_the_next_frame_can_be_told_a_warmer_mean_than_is_shown(engine: Engine) -> None:
    samples, prompt = loudness(0.5), engine.motion.null_prompt()
    cold = Sampling(decode=Decode.MEAN, temperature=0.1)
    same, told = (
        list(engine.motion.speak(samples, prompt, structs.replace(cold, feedback_temperature=feedback)))
        for feedback in (None, 4.0)
    )
    assert all(np.array_equal(frame.codes, frame.fed_back) for frame in same)
    assert np.array_equal(same[0].codes, told[0].codes)
    assert any(not np.array_equal(frame.codes, frame.fed_back) for frame in told)
    drawn = Sampling(temperature=0.5, feedback_temperature=2.0)
    assert all(np.array_equal(f.codes, f.fed_back) for f in engine.motion.speak(samples, prompt, drawn))


def test_a_chunk_border_leaves_no_trace(engine: Engine) -> None:
    samples = loudness(2.0)
    gain = features.speech_gain(samples)
    whole = features.piece_mel(samples, gain, 0, 50).mean(axis=0).reshape(-1, 4).mean(axis=1)
    expected = np.clip((whole + 0.6) * 0.7, 0, 1)
    found = np.array(tokens(engine, samples, LIKELIEST))[:, 0] / 511
    assert np.abs(found - expected).max() < 0.01


def test_louder_opens_wider_in_the_toy_model(engine: Engine) -> None:
    samples = loudness(1.0)
    frames = list(engine.motion.speak(samples, engine.motion.null_prompt(), LIKELIEST))
    levels = [frame.tokens[0] for frame in frames]
    heights = [float(frame.motion[3].max()) for frame in frames]
    assert np.corrcoef(levels, heights)[0, 1] > 0.99


def test_memory_does_not_grow_with_the_voice(engine: Engine) -> None:
    samples = np.tile(loudness(10.0), 12)
    frames = engine.motion.speak(samples, engine.motion.null_prompt(), LIKELIEST)
    for _ in range(500):
        next(frames)
    before = peak_memory_mb()
    assert sum(1 for _ in frames) == 2500
    assert peak_memory_mb() - before < 8


def test_the_ring_overwrites_the_oldest_frame(engine: Engine) -> None:
    shape = engine.manifest.shape
    ring = Ring(shape)
    per_frame = 1 + shape.tokens_per_frame
    assert (ring.mask == EMPTY).all()
    for frame in range(shape.context_frames + 1):
        new = np.full((shape.layers * shape.heads, shape.head_dim, 1, per_frame), frame, dtype=np.float32)
        ring.store(frame, new, -new)
    assert (ring.mask == 0).all()
    assert (ring.keys[..., :per_frame] == shape.context_frames).all()
    assert (ring.values[..., per_frame : 2 * per_frame] == -1).all()


def test_temperature_zero_takes_the_likeliest() -> None:
    logits = np.array([[0.0, 2.0], [1.0, 0.0], [0.5, 1.0]])
    assert list(draw_tokens(logits, 0.0, np.random.default_rng(0))) == [1, 0]


def test_draws_follow_the_distribution() -> None:
    logits = np.log(np.array([[0.2], [0.7], [0.1]]))
    dice = np.random.default_rng(0)
    drawn = [int(draw_tokens(logits, 1.0, dice)[0]) for _ in range(4000)]
    assert np.bincount(drawn) / 4000 == pytest.approx([0.2, 0.7, 0.1], abs=0.03)
