"""A model package on disk: its manifest, its files checked, its constants as arrays (docs/protocol.md)."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from device_agent.engine import archive
from device_agent.engine.arrays import Floats
from device_agent.errors import ModelError
from device_agent.system.files import disk_errors
from frame_protocol.model_package import MANIFEST, WEIGHTS, FileEntry, ModelManifest, weights_hash

GRAPHS = ("audio", "prompt", "step", "decoder")
TONGUE_GRAPH, REPAIR_GRAPH = "tongue", "repair"
OPTIONAL_GRAPHS = (TONGUE_GRAPH, REPAIR_GRAPH)
"""A package may be without: the tongue then follows the opening, the mouth is shown as it is drawn."""
DETECTOR, DETECTOR_FULL, MESH, IRIS = (f"faces/{n}.tflite" for n in ("detector", "detector_full", "mesh", "iris"))
VAD = "vad.onnx"
REQUIRED = (WEIGHTS, *(f"{graph}.onnx" for graph in GRAPHS), DETECTOR, DETECTOR_FULL, MESH, IRIS, VAD)
MAP_CHANNELS = ["upper_dx", "upper_dy", "lower_dx", "lower_dy"]
MAP_SIZE = 64
LANDMARKS = 478


@dataclass(frozen=True)
class Constants:
    """The arrays that the CPU needs beside the graphs; shapes in docs/protocol.md, "Constants"."""

    codebook: Floats
    points: Floats
    extent: Floats
    opening_map: Floats


@dataclass(frozen=True)
class ModelPackage:
    """An unpacked package whose manifest has been read; ``verify`` says whether its files are whole."""

    directory: Path
    manifest: ModelManifest

    def path(self, name: str) -> Path:
        """Return where the listed file ``name`` lies."""
        if name not in self.manifest.files:
            raise ModelError(f"the model package {self.directory} does not list {name!r}; install the model again")
        return self.directory / name

    def has(self, graph: str) -> bool:
        """Say whether the package brings a graph."""
        return f"{graph}.onnx" in self.manifest.files

    def constants(self) -> Constants:
        """Read the constants and check their shapes."""
        shape, channels = self.manifest.shape, len(self.manifest.shape.map_channels)
        tensors = {name: self._constant(name, sizes) for name, sizes in {
            "codebook": (shape.codebook_size, shape.code_dim),
            "canonical.points": (LANDMARKS, 3),
            "canonical.extent": (4,),
            "canonical.opening_map": (channels, MAP_SIZE, MAP_SIZE),
        }.items()}  # fmt: skip
        return Constants(*tensors.values())

    def _constant(self, name: str, shape: tuple[int, ...]) -> Floats:
        try:
            with safe_open(self.path(WEIGHTS), framework="numpy") as file:
                value = np.asarray(file.get_tensor(name))
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{WEIGHTS}: cannot read {name}: {error}; install the model again") from error
        if value.shape != shape or value.dtype != np.float32:
            raise ModelError(f"{WEIGHTS}: {name} is {value.dtype} {value.shape}, float32 {shape} was expected")
        return value


def load(directory: Path) -> ModelPackage:
    """Read the manifest of an unpacked package without hashing its files (the installer has done that)."""
    path = directory / MANIFEST
    if not path.is_file():
        raise ModelError(
            f"no model package at {directory}: {MANIFEST} is missing; install a model or name one by --model"
        )
    if path.stat().st_size > archive.MAX_MANIFEST_BYTES:
        raise ModelError(f"{path} is larger than {archive.MAX_MANIFEST_BYTES} bytes: not a model package")
    manifest = archive.parse_manifest(path.read_bytes(), ModelManifest)
    missing = [name for name in REQUIRED if name not in manifest.files]
    if missing:
        raise ModelError(f"the model package {directory} lacks {', '.join(missing)}")
    if manifest.shape.map_channels != MAP_CHANNELS:
        raise ModelError(f"the model's map channels are {manifest.shape.map_channels}, {MAP_CHANNELS} are expected")
    return ModelPackage(directory, manifest)


def unpack(tar_path: Path, directory: Path) -> ModelManifest:
    """Unpack the tar of a whole model into the empty ``directory`` and verify it; the caller syncs and renames."""
    archive.extract(tar_path, directory, ModelManifest)
    return verify(directory)


def verify(directory: Path) -> ModelManifest:
    """Compare every file with the manifest, and the integer weights with the figure that names the model."""
    manifest = load(directory).manifest
    found = {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}
    for name in sorted(found ^ {MANIFEST, *manifest.files}):
        problem = "is not listed in its manifest" if name in found else "is missing"
        raise ModelError(f"model package {directory}: {name} {problem}; install the model again")
    for name, entry in manifest.files.items():
        _check_file(directory / name, entry)
    actual = integer_weights_hash(directory / WEIGHTS)
    if actual != manifest.weights_sha256:
        raise ModelError(f"the integer weights hash to {actual}, the manifest says {manifest.weights_sha256}")
    if manifest.model_id != f"{manifest.family}-{actual[:12]}":
        raise ModelError(f"the model id {manifest.model_id!r} is not {manifest.family}-{actual[:12]}")
    return manifest


def integer_weights_hash(path: Path) -> str:
    """Return ``weights_hash`` over the int8 tensors of a safetensors file."""
    try:
        return weights_hash(_integer_tensors(path))
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a safetensors file: {error}") from error


def _integer_tensors(path: Path) -> Iterator[tuple[str, tuple[int, ...], bytes]]:
    with safe_open(path, framework="numpy") as file:
        for name in file.keys():  # noqa: SIM118 - a safetensors handle is no mapping
            if file.get_slice(name).get_dtype() == "I8":
                tensor = file.get_tensor(name)
                yield name, tensor.shape, tensor.tobytes()


def _check_file(path: Path, entry: FileEntry) -> None:
    if path.is_symlink() or path.stat().st_size != entry.length:
        raise ModelError(f"{path}: not a plain file of {entry.length} bytes; install the model again")
    with disk_errors(f"cannot read {path}"), path.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != entry.sha256:
            raise ModelError(f"{path}: its SHA-256 is not the manifest's; install the model again")
