"""The LoRA delta of docs/protocol.md, "Model delta": its factors and its tar, read on frames, written by the lab."""

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from device_agent.errors import ModelError
from device_agent.update.safetensors_file import INT8, INT32, SafetensorsFile, Tensor, opened
from frame_protocol.model_package import MANIFEST

WEIGHT_SUFFIX = ".q"
PARTS = ("down", "up", "mult", "shift")
MAX_RANK = 1024
"""128^2 * 1024 = 2^24: up to here every sum of products of int8 numbers is exact in float32."""
MAX_SHIFT = 62

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Factors:
    """What is added to one weight [out,in]: round_half_even(up @ down * mult / 2^shift)."""

    down: Int8
    """[rank,in]"""
    up: Int8
    """[out,rank]"""
    mult: Int32
    """[out]"""
    shift: int

    def __post_init__(self) -> None:
        """Refuse shapes that do not belong together and numbers beyond the exact range."""
        rank = self.down.shape[0]
        if self.down.ndim != 2 or self.up.ndim != 2 or self.up.shape[1] != rank:
            raise ModelError(f"delta factors: up {self.up.shape} and down {self.down.shape} do not share a rank")
        if not 1 <= rank <= MAX_RANK or not 0 <= self.shift <= MAX_SHIFT:
            raise ModelError(f"delta factors: rank {rank} (1..{MAX_RANK}) or shift {self.shift} (0..{MAX_SHIFT})")
        if self.mult.shape != (self.up.shape[0],):
            raise ModelError(f"delta factors: mult {self.mult.shape} is not one number per row of {self.up.shape}")

    @property
    def weight_shape(self) -> tuple[int, int]:
        """Shape of the weight that these factors change."""
        return self.up.shape[0], self.down.shape[1]


def read_factors(path: Path) -> dict[str, Factors]:
    """Return the factors in a ``delta.safetensors``, by the name of the weight (without ``.q``)."""
    with opened(path) as file:
        names = sorted({tensor.name.rpartition(".")[0] for tensor in file.layout.tensors})
        factors = {name: _factors(name, file) for name in names}
        if not factors or len(file.layout.tensors) != len(PARTS) * len(factors):
            raise ModelError(f"{path.name}: expected {', '.join(PARTS)} for each weight, and nothing else")
        return factors


def write_factors(path: Path, factors: Mapping[str, Factors]) -> None:
    """Write a ``delta.safetensors`` that ``read_factors`` reads."""
    tensors: dict[str, npt.NDArray[np.generic]] = {}
    for name, part in factors.items():
        tensors[f"{name}.down"] = np.ascontiguousarray(part.down)
        tensors[f"{name}.up"] = np.ascontiguousarray(part.up)
        tensors[f"{name}.mult"] = np.ascontiguousarray(part.mult)
        tensors[f"{name}.shift"] = np.array([part.shift], np.int32)
    save_file(tensors, path)


def pack(path: Path, manifest: bytes, files: Mapping[str, Path]) -> None:
    """Write the tar: manifest first, files by name, and no trace of who made it or when."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(_header(MANIFEST, len(manifest)), io.BytesIO(manifest))
        for name in sorted(files):
            with files[name].open("rb") as file:
                archive.addfile(_header(name, files[name].stat().st_size), file)


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode, header.mtime, header.uid, header.gid = size, 0o644, 0, 0, 0
    return header


def _factors(name: str, file: SafetensorsFile) -> Factors:
    down, up, mult, shift = (_part(file.layout.named(f"{name}.{part}"), f"{name}.{part}") for part in PARTS)
    if (down.dtype, up.dtype, mult.dtype, shift.dtype, shift.shape) != (INT8, INT8, INT32, INT32, (1,)):
        raise ModelError(f"{name}: down and up must be int8, mult int32 [out], shift int32 [1]")
    if len(down.shape) != 2 or len(up.shape) != 2:
        raise ModelError(f"{name}: down and up must be matrices")
    return Factors(
        down=_int8(file, down),
        up=_int8(file, up),
        mult=_int32(file, mult),
        shift=int(_int32(file, shift)[0]),
    )


def _part(tensor: Tensor | None, name: str) -> Tensor:
    if tensor is None:
        raise ModelError(f"the delta lacks the tensor {name}")
    return tensor


def _int8(file: SafetensorsFile, tensor: Tensor) -> Int8:
    return np.frombuffer(file.read(tensor.start, tensor.end), np.int8).reshape(tensor.shape)


def _int32(file: SafetensorsFile, tensor: Tensor) -> Int32:
    return np.frombuffer(file.read(tensor.start, tensor.end), "<i4").astype(np.int32).reshape(tensor.shape)
