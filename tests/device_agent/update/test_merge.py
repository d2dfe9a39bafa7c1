"""The merge equals Python's own integers, whatever the factors, and leaves every other byte of the file alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from device_agent.errors import ModelError
from device_agent.update.delta_format import Factors, read_factors, write_factors
from device_agent.update.merge import integer_weights_hash, merge_file, merge_rows
from frame_protocol.model_package import weights_hash


def exact(weights, factors):
    """The formula of docs/protocol.md in Python integers, one element at a time."""
    result = np.zeros_like(weights)
    for o, i in np.ndindex(*weights.shape):
        acc = sum(int(factors.up[o, r]) * int(factors.down[r, i]) for r in range(factors.down.shape[0]))
        quotient, rest = divmod(acc * int(factors.mult[o]), 1 << factors.shift)
        if 2 * rest > 1 << factors.shift or (2 * rest == 1 << factors.shift and quotient % 2):
            quotient += 1
        result[o, i] = max(-127, min(127, int(weights[o, i]) + quotient))
    return result


@st.composite
def merges(draw):
    rows, columns, rank = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 7, 1024]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = draw(st.sampled_from([-128, -127, -2]))
    shift = draw(st.one_of(st.integers(0, 62), st.integers(0, 12)))
    limit = draw(st.sampled_from([2, 1000, 2**31]))
    factors = Factors(
        down=random.integers(low, -low, (rank, columns)).astype(np.int8),
        up=random.integers(low, -low, (rows, rank)).astype(np.int8),
        mult=random.integers(-limit, limit, rows).astype(np.int32),
        shift=shift,
    )
    return random.integers(-127, 128, (rows, columns)).astype(np.int8), factors


@settings(max_examples=300, deadline=None)
@given(merges())
def test_the_merge_equals_integer_arithmetic(case):
    weights, factors = case
    merged = np.concatenate(list(merge_rows(weights, factors)))
    assert np.array_equal(merged, exact(weights, factors))


def test_halves_go_to_the_even_neighbour():
    ones = np.ones((1, 1), np.int8)
    for product, expected in [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2)]:
        factors = Factors(down=ones, up=ones, mult=np.array([product], np.int32), shift=1)
        assert np.concatenate(list(merge_rows(np.zeros((1, 1), np.int8), factors)))[0, 0] == expected


def random_factors(rows, columns, rank=4, seed=0):
    random = np.random.default_rng(seed)
    return Factors(
        down=random.integers(-127, 128, (rank, columns)).astype(np.int8),
        up=random.integers(-127, 128, (rows, rank)).astype(np.int8),
        mult=random.integers(1, 4000, rows).astype(np.int32),
        shift=22,
    )


@pytest.fixture
def base(tmp_path) -> Path:
    random = np.random.default_rng(3)
    path = tmp_path / "weights.safetensors"
    tensors = {
        "z.q": random.integers(-127, 128, (700, 300)).astype(np.int8),
        "z.scale": random.normal(size=700).astype(np.float32),
        "a.q": random.integers(-127, 128, (32, 16)).astype(np.int8),
        "codebook": random.normal(size=(8, 4)).astype(np.float32),
    }
    save_file(tensors, path, metadata={"format": "test"})
    return path


def test_only_the_named_weights_change_and_the_layout_stays(base, tmp_path):
    out = tmp_path / "out.safetensors"
    factors = {"z": random_factors(700, 300)}
    digest = merge_file(base, factors, out)
    before, after = load_file(base), load_file(out)
    header_bytes = 8 + int.from_bytes(base.read_bytes()[:8], "little")
    assert out.read_bytes()[:header_bytes] == base.read_bytes()[:header_bytes]
    assert out.stat().st_size == base.stat().st_size
    assert all(np.array_equal(before[name], after[name]) for name in ("a.q", "z.scale", "codebook"))
    assert not np.array_equal(before["z.q"], after["z.q"])
    assert np.array_equal(after["z.q"], np.concatenate(list(merge_rows(before["z.q"], factors["z"]))))
    assert digest == weights_hash((name, after[name].shape, after[name].tobytes()) for name in ("a.q", "z.q"))
    assert digest != integer_weights_hash(base)


def test_factors_survive_their_file(tmp_path):
    factors = {"a": random_factors(8, 5), "b.c": random_factors(3, 9, rank=1)}
    write_factors(tmp_path / "delta.safetensors", factors)
    back = read_factors(tmp_path / "delta.safetensors")
    assert sorted(back) == ["a", "b.c"]
    for name, part in factors.items():
        assert np.array_equal(back[name].up, part.up)
        assert np.array_equal(back[name].down, part.down)
        assert np.array_equal(back[name].mult, part.mult)
        assert back[name].shift == part.shift


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [("absent", 32, 16), ("codebook", 8, 4), ("a", 16, 32)],
    ids=["absent", "float", "shape"],
)
def test_a_delta_for_another_model_is_refused(base, tmp_path, name, rows, columns):
    with pytest.raises(ModelError, match=r"base"):
        merge_file(base, {name: random_factors(rows, columns)}, tmp_path / "out")


@pytest.mark.parametrize("cut", [0, 4, 8, 40, 200])
def test_a_torn_file_is_a_model_error(base, tmp_path, cut):
    torn = tmp_path / "torn"
    torn.write_bytes(base.read_bytes()[:cut])
    with pytest.raises(ModelError):
        merge_file(torn, {"a": random_factors(32, 16)}, tmp_path / "out")


def test_random_bytes_are_never_more_than_a_model_error(tmp_path):
    random = np.random.default_rng(9)
    for _ in range(200):
        (tmp_path / "junk").write_bytes(bytes([random.integers(0, 60), 0, 0, 0, 0, 0, 0, 0]) + random.bytes(64))
        with pytest.raises(ModelError):
            read_factors(tmp_path / "junk")


@pytest.mark.parametrize("number", ["1e999", "1.0", "true", '"1"', "null", "-1"])
def test_a_header_whose_sizes_are_no_whole_numbers_is_a_model_error(tmp_path, number):
    header = f'{{"a.q":{{"dtype":"I8","shape":[{number}],"data_offsets":[0,1]}}}}'.encode()
    (tmp_path / "odd").write_bytes(len(header).to_bytes(8, "little") + header + b"x")
    with pytest.raises(ModelError):
        integer_weights_hash(tmp_path / "odd")
