"""Model packages and deltas of the right format and a few kilobytes; nothing in them can be rendered."""

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from device_agent.engine.package import MAP_CHANNELS, REQUIRED
from device_agent.update.delta_format import Factors, pack, write_factors
from device_agent.update.merge import integer_weights_hash, merge_file
from frame_protocol.model_package import DELTA, WEIGHTS

SHAPE = {
    "width": 8, "layers": 1, "heads": 2, "head_dim": 4, "tokens_per_frame": 4, "codebook_size": 16, "code_dim": 4,
    "context_frames": 8, "audio_chunk": 8, "audio_left": 4, "audio_right": 3, "feedback_lag": 1,
    "map_channels": MAP_CHANNELS,
}  # fmt: skip
ROWS, COLUMNS = 40, 24
SELF_TEST = {"tokens": [], "opening_mm": []}


class TinyModel:
    """An unpacked package, its tar, and the hash of its integer weights."""

    def __init__(self, directory: Path, tar: Path) -> None:
        self.directory = directory
        self.tar = tar
        self.weights = integer_weights_hash(directory / WEIGHTS)


def make_model(folder: Path, seed: int = 0, *, filler_bytes: int = 0) -> TinyModel:
    """Make a package; ``filler_bytes`` of noise make it slower to download."""
    directory = folder / f"model-{seed}"
    for name in REQUIRED:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(f"{name} of {seed}".encode())
    random = np.random.default_rng(seed)
    (directory / "NOTICE").write_bytes(b"notice" + random.bytes(filler_bytes))
    tensors = {
        "layer.q": random.integers(-127, 128, (ROWS, COLUMNS)).astype(np.int8),
        "layer.scale": np.ones(ROWS, np.float32),
    }
    save_file(tensors, directory / WEIGHTS)
    weights = integer_weights_hash(directory / WEIGHTS)
    files = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    manifest = {
        "v": 1, "kind": "model", "model_id": f"tiny-{weights[:12]}", "family": "tiny", "weights_sha256": weights,
        "files": {name: entry(path) for name, path in files.items()}, "shape": SHAPE,
        "sampling": {"temperature": 0.0, "seed": 0}, "self_test": SELF_TEST,
    }  # fmt: skip
    data = json.dumps(manifest).encode()
    pack(folder / f"model-{seed}.tar", data, files)
    (directory / "manifest.json").write_bytes(data)
    return TinyModel(directory, folder / f"model-{seed}.tar")


class TinyDelta:
    """A delta's tar, and the hashes before and after."""

    def __init__(self, tar: Path, base: str, result: str) -> None:
        self.tar = tar
        self.base = base
        self.result = result


def make_delta(folder: Path, base: TinyModel, seed: int = 100, *, promised: str | None = None) -> TinyDelta:
    """Make a delta against ``base``; ``promised`` replaces the hash that its manifest says must come out."""
    random = np.random.default_rng(seed)
    factors = Factors(
        down=random.integers(-127, 128, (2, COLUMNS)).astype(np.int8),
        up=random.integers(-127, 128, (ROWS, 2)).astype(np.int8),
        mult=random.integers(1, 2000, ROWS).astype(np.int32),
        shift=20,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_factors(folder / DELTA, {"layer": factors})
    result = merge_file(base.directory / WEIGHTS, {"layer": factors}, folder / "merged")
    promised = promised or result
    manifest = {
        "v": 1, "kind": "model_delta", "model_id": f"tiny-{promised[:12]}", "base_weights_sha256": base.weights,
        "result_weights_sha256": promised, "files": {DELTA: entry(folder / DELTA)}, "rank": 2, "self_test": SELF_TEST,
    }  # fmt: skip
    tar = folder / f"delta-{seed}.tar"
    pack(tar, json.dumps(manifest).encode(), {DELTA: folder / DELTA})
    return TinyDelta(tar, base.weights, result)


def entry(path: Path) -> dict[str, object]:
    """Length and hash of a file as a manifest lists them."""
    data = path.read_bytes()
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}
