"""Where each tensor lies in a safetensors file, so that one can be rewritten in place of its old bytes.

Format: 8 bytes little-endian length of a JSON header, the header, then the tensors' bytes
(https://github.com/huggingface/safetensors). Everything read here is checked before it is used.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from device_agent.errors import ModelError
from device_agent.system.files import disk_errors

MAX_HEADER_BYTES = 16 << 20
BLOCK_BYTES = 1 << 20
ITEM_BYTES = {"BOOL": 1, "I8": 1, "U8": 1, "F16": 2, "BF16": 2, "I16": 2, "I32": 4, "F32": 4, "I64": 8, "F64": 8}
INT8 = "I8"
INT32 = "I32"


@dataclass(frozen=True)
class Tensor:
    """One tensor's type, shape and place; offsets count from the start of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Layout:
    """All tensors in the order of their bytes; ``data_start`` is where the first may lie."""

    tensors: tuple[Tensor, ...]
    data_start: int
    file_bytes: int

    def named(self, name: str) -> Tensor | None:
        """Return the tensor ``name``, or None."""
        return next((tensor for tensor in self.tensors if tensor.name == name), None)


def read_layout(file: BinaryIO, file_bytes: int) -> Layout:
    """Read and check the header of an open file of ``file_bytes`` bytes."""
    prefix = file.read(8)
    header_bytes = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or header_bytes > min(MAX_HEADER_BYTES, file_bytes - 8):
        raise ModelError("not a safetensors file: its header is longer than the file or the limit")
    try:
        entries = json.loads(file.read(header_bytes))
        entries.pop("__metadata__", None)
        tensors = [_tensor(name, entry, 8 + header_bytes) for name, entry in entries.items()]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"not a safetensors file: its header cannot be read ({error!r})") from error
    tensors.sort(key=lambda tensor: (tensor.start, tensor.end))
    end = 8 + header_bytes
    for tensor in tensors:
        if tensor.start != end or tensor.end > file_bytes:
            raise ModelError(f"not a safetensors file: {tensor.name} lies outside the file or over another tensor")
        end = tensor.end
    return Layout(tuple(tensors), 8 + header_bytes, file_bytes)


class SafetensorsFile:
    """An open file whose header was checked; its bytes are read when asked for."""

    def __init__(self, layout: Layout, file: BinaryIO) -> None:
        self.layout = layout
        self._file = file

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to ``end`` of the file."""
        self._file.seek(start)
        data = self._file.read(end - start)
        if len(data) != end - start:
            raise ModelError(f"the safetensors file ends at byte {start + len(data)}, {end} were expected")
        return data

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the same bytes, a block at a time."""
        for offset in range(start, end, BLOCK_BYTES):
            yield self.read(offset, min(end, offset + BLOCK_BYTES))


@contextmanager
def opened(path: Path) -> Iterator[SafetensorsFile]:
    """Open a safetensors file for reading."""
    with disk_errors(f"cannot read {path}"), path.open("rb") as file:
        yield SafetensorsFile(read_layout(file, path.stat().st_size), file)


def _tensor(name: str, entry: dict[str, object], data_start: int) -> Tensor:
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or not isinstance(shape, list) or not isinstance(offsets, list):
        raise ValueError(f"{name}: dtype, shape or data_offsets have the wrong type")
    if not all(type(number) is int for number in (*shape, *offsets)):
        raise ValueError(f"{name}: shape or data_offsets are not whole numbers")
    start, end = offsets
    sizes = tuple(shape)
    if min((start, *sizes), default=0) < 0 or end - start != math.prod(sizes) * ITEM_BYTES[dtype]:
        raise ValueError(f"{name}: {dtype} {sizes} does not take {end - start} bytes")
    return Tensor(name, dtype, sizes, data_start + start, data_start + end)
