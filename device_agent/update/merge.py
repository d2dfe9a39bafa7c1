"""Adds a LoRA delta to int8 weights in whole numbers, equal on every platform (docs/protocol.md, "Model delta").

    acc = up @ down                                 exact in float32: every partial sum is an integer below 2^24
    q'  = clip(q + round_half_even(acc * mult / 2^shift), -127, 127)

acc * mult fits a float64 exactly while 127^2 * rank * |mult| < 2^53, and scaling by a power of two is exact, so the
fast path rounds in float64; larger products take the int64 path. Both give what Python's own integers give.
Weights are streamed in blocks of rows; the file keeps its layout, so that graphs that name offsets stay valid.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device_agent.errors import ModelError
from device_agent.system import disk
from device_agent.system.disk import Writer
from device_agent.system.files import disk_errors
from device_agent.update.delta_format import WEIGHT_SUFFIX, Factors, Int8
from device_agent.update.safetensors_file import INT8, Layout, SafetensorsFile, Tensor, opened
from frame_protocol.model_package import weights_hash

LIMIT = 127
EXACT_FLOAT64 = 1 << 53
BLOCK_ELEMENTS = 1 << 17
"""Elements worked on at once: 0.5 MB as float32, 1 MB as float64, inside a core's own cache."""


def merge_rows(weights: Int8, factors: Factors) -> Iterator[Int8]:
    """Yield the whole weight with the delta added, in blocks of rows."""
    _check_shape(weights.shape, factors)
    for rows in _row_blocks(weights.shape):
        yield _add(weights[rows], factors, rows)


def merge_file(base: Path, factors: Mapping[str, Factors], out: Path) -> str:
    """Write ``base`` with the delta added to ``out``; return the hash of the integer weights that are there now."""
    with opened(base) as source, disk_errors(f"cannot write {out}"), disk.create(out) as file:
        layout = source.layout
        changed = _changed(layout, factors)
        position = 0
        for tensor in layout.tensors:
            part = changed.get(tensor.name)
            if part is not None:
                _copy(source, position, tensor.start, file)
                _merge_tensor(source, tensor, part, file)
                position = tensor.end
        _copy(source, position, layout.file_bytes, file)
    return integer_weights_hash(out)


def integer_weights_hash(path: Path) -> str:
    """Return ``weights_hash`` over the int8 tensors of a file, without holding them in memory."""
    with opened(path) as file:
        tensors = (tensor for tensor in file.layout.tensors if tensor.dtype == INT8)
        return weights_hash((tensor.name, tensor.shape, file.blocks(tensor.start, tensor.end)) for tensor in tensors)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with disk_errors(f"cannot read {path}"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _merge_tensor(source: SafetensorsFile, tensor: Tensor, factors: Factors, out: Writer) -> None:
    _check_shape(tensor.shape, factors)
    columns = tensor.shape[1]
    for rows in _row_blocks(tensor.shape):
        data = source.read(tensor.start + rows.start * columns, tensor.start + rows.stop * columns)
        out.write(_add(np.frombuffer(data, np.int8).reshape(-1, columns), factors, rows).data)


def _check_shape(shape: tuple[int, ...], factors: Factors) -> None:
    if shape != factors.weight_shape:
        raise ModelError(f"the delta is for a weight {factors.weight_shape}, the base has {shape}")


def _row_blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    step = max(1, BLOCK_ELEMENTS // max(1, shape[1]))
    for first in range(0, shape[0], step):
        yield slice(first, min(first + step, shape[0]))


def _add(weights: Int8, factors: Factors, rows: slice) -> Int8:
    """Return ``weights``, which are the rows ``rows`` of a weight, with the delta added."""
    mult = factors.mult[rows]
    accumulated = factors.up[rows].astype(np.float32) @ factors.down.astype(np.float32)
    rank = factors.down.shape[0]
    largest = 128 * 128 * rank * max(1, int(np.abs(mult.astype(np.int64)).max(initial=0)))
    if largest < EXACT_FLOAT64:
        scale = np.ldexp(mult.astype(np.float64), -factors.shift)[:, None]
        change = np.multiply(accumulated, scale, dtype=np.float64)
        np.rint(change, out=change)
        change += weights
    else:
        change = _rounded(accumulated.astype(np.int64) * mult.astype(np.int64)[:, None], factors.shift)
        change = change.astype(np.float64) + weights
    result: Int8 = np.clip(change, -LIMIT, LIMIT, out=change).astype(np.int8)
    return result


def _rounded(product: npt.NDArray[np.int64], shift: int) -> npt.NDArray[np.int64]:
    """Divide by 2^shift, halves to even, in int64."""
    if shift == 0:
        return product
    floor = product >> shift
    rest = product - (floor << shift)
    half = np.int64(1) << np.int64(shift - 1)
    rounded: npt.NDArray[np.int64] = floor + ((rest > half) | ((rest == half) & ((floor & 1) == 1)))
    return rounded


def _changed(layout: Layout, factors: Mapping[str, Factors]) -> dict[str, Factors]:
    changed = {}
    for name, part in factors.items():
        tensor = layout.named(name + WEIGHT_SUFFIX)
        if tensor is None or tensor.dtype != INT8 or len(tensor.shape) != 2:
            raise ModelError(
                f"the delta changes {name}{WEIGHT_SUFFIX}, which the base does not have as int8 [out,in]"
            )
        changed[tensor.name] = part
    return changed


def _copy(source: SafetensorsFile, start: int, end: int, out: Writer) -> None:
    for block in source.blocks(start, end):
        out.write(block)
