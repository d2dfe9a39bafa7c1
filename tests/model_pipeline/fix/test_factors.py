"""Trained factors become integers whose merge gives the weights that were meant."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from device_agent.update.delta_format import read_factors, write_factors
from device_agent.update.merge import integer_weights_hash, merge_file, merge_rows
from frame_protocol.model_package import weights_hash
from model_pipeline.fix.factors import quantise_factors, steps_of

OUT, IN, RANK = 96, 64, 8


@pytest.fixture
def trained():
    rng = np.random.default_rng(3)
    strengths = np.geomspace(3.0, 0.05, RANK)
    up = rng.normal(size=(OUT, RANK)) * strengths * rng.uniform(0.01, 2.0, size=(OUT, 1))
    return up, rng.normal(size=(RANK, IN)) * 0.5


def test_integer_factors_follow_the_trained_update_within_a_hundredth(trained):
    up, down = trained
    wanted = up @ down
    error = np.abs(steps_of(quantise_factors(up, down)) - wanted).max(axis=1)
    assert np.all(error <= 0.02 * np.abs(wanted).max(axis=1) + 1e-3)


def test_the_merged_weight_is_the_rounded_sum_but_for_ties(trained):
    up, down = trained
    base = np.random.default_rng(4).integers(-127, 128, size=(OUT, IN)).astype(np.int8)
    merged = np.concatenate(list(merge_rows(base, quantise_factors(up, down)))).astype(int)
    wanted = np.clip(np.rint(base + up @ down), -127, 127)
    assert np.abs(merged - wanted).max() <= 1
    assert np.mean(merged != wanted) < 0.03


def test_an_update_of_nothing_changes_nothing():
    factors = quantise_factors(np.zeros((OUT, RANK)), np.ones((RANK, IN)))
    base = np.arange(OUT * IN, dtype=np.int64).reshape(OUT, IN).astype(np.int8)
    assert np.array_equal(np.concatenate(list(merge_rows(base, factors))), np.maximum(base, -127))


def test_the_hash_of_the_merged_file_is_that_of_the_expected_weights(tmp_path, trained):
    rng = np.random.default_rng(5)
    weights = {"a.q": rng.integers(-127, 128, (OUT, IN), np.int8), "b.q": rng.integers(-127, 128, (4, 4), np.int8)}
    save_file({**weights, "a.scale": np.ones(OUT, np.float32)}, tmp_path / "base.safetensors")
    factors = quantise_factors(*trained)
    write_factors(tmp_path / "delta.safetensors", {"a": factors})
    given = read_factors(tmp_path / "delta.safetensors")
    result = merge_file(tmp_path / "base.safetensors", given, tmp_path / "merged.safetensors")
    expected = {**weights, "a.q": np.clip(weights["a.q"] + np.rint(steps_of(factors)), -127, 127).astype(np.int8)}
    assert result == weights_hash((name, value.shape, value.tobytes()) for name, value in expected.items())
    assert result == integer_weights_hash(tmp_path / "merged.safetensors")
    assert np.array_equal(load_file(tmp_path / "merged.safetensors")["a.q"], expected["a.q"])


def test_a_weight_narrower_than_the_rank_takes_factors_of_its_own_width():
    rng = np.random.default_rng(6)
    up, down = rng.normal(size=(OUT, RANK)), rng.normal(size=(RANK, 4))
    factors = quantise_factors(up, down)
    assert factors.down.shape == (4, 4)
    assert np.abs(steps_of(factors) - up @ down).max() < 0.2
