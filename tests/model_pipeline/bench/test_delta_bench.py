"""The benchmark of deltas: the shapes are those of the family, sizes hold, and rivals are treated fairly."""

import numpy as np
import pytest

from frame_protocol.model_package import DELTA
from model_pipeline.bench import delta
from model_pipeline.bench.frame_shape import frame_weights, lip_sync_only, random_factors, write_weights
from model_pipeline.bench.rivals import Rival, compare
from model_pipeline.errors import ToolFailed

PACKAGE_BYTES = 692_000_000
LIP_SYNC_SHARE = 0.001
ALL_LINEAR_SHARE = 0.025
EXTRA_MEMORY_MB = 64


def file_bytes(weights):
    return sum(rows * columns + 4 * rows for _, rows, columns in weights)


def test_the_family_fills_its_package_and_no_more():
    weights = frame_weights()
    assert 0.97 * PACKAGE_BYTES < file_bytes(weights) < PACKAGE_BYTES
    assert len({name for name, *_ in weights}) == len(weights)


def test_deltas_of_true_shape_are_as_small_as_promised(tmp_path):
    weights = frame_weights()
    whole = file_bytes(weights)
    assert delta.write_delta(tmp_path, lip_sync_only(weights), delta.RANK).stat().st_size <= LIP_SYNC_SHARE * whole
    assert delta.write_delta(tmp_path, weights, delta.RANK).stat().st_size <= ALL_LINEAR_SHARE * whole


def test_a_merge_takes_little_memory_and_changes_as_many_weights_as_training_does(tmp_path):
    weights = frame_weights(0.1)
    write_weights(tmp_path / "base", weights, seed=1)
    assert (tmp_path / "base").stat().st_size == pytest.approx(file_bytes(weights), rel=0.001)
    delta.write_delta(tmp_path, weights, delta.RANK)
    figures = delta.merge(tmp_path / "base", tmp_path / DELTA, tmp_path / "merged")
    assert figures["extra_memory_mb"] < EXTRA_MEMORY_MB
    before, after = (np.fromfile(tmp_path / name, np.int8) for name in ("base", "merged"))
    assert 0.25 < np.mean(before != after) < 0.4


def test_factors_are_the_same_every_time():
    weights = [("a", 8, 4)]
    first, second = (random_factors(weights, 2, seed=3)["a"] for _ in range(2))
    assert np.array_equal(first.up, second.up)
    assert np.array_equal(first.down, second.down)


@pytest.fixture
def pair(tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "new").write_bytes(b"newer")
    return tmp_path / "old", tmp_path / "new"


def test_a_rival_is_measured_making_and_applying(pair, tmp_path):
    copy = Rival("copy", "cp", ("cp", "{new}", "{patch}"), ("cp", "{patch}", "{new}"))
    result = compare(copy, *pair, tmp_path)
    assert (result.name, result.bytes) == ("copy", 5)
    assert result.make.peak_mb >= 0
    assert pair[1].read_bytes() == b"newer"


def test_a_rival_that_gives_another_file_back_is_not_counted(pair, tmp_path):
    wrong = Rival("wrong", "cp", ("cp", "{old}", "{patch}"), ("cp", "{patch}", "{new}"))
    with pytest.raises(ToolFailed, match="did not give"):
        compare(wrong, *pair, tmp_path)


def test_a_rival_that_is_not_installed_is_left_out(pair, tmp_path):
    assert compare(Rival("none", "no-such-program", (), ()), *pair, tmp_path) is None


def test_a_rival_that_fails_is_an_error(pair, tmp_path):
    with pytest.raises(ToolFailed, match="exit code 1"):
        compare(Rival("fails", "false", ("false",), ("false",)), *pair, tmp_path)
