"""A model package from weights: files, manifest, deterministic tar (docs/protocol.md, "Model package")."""

import hashlib
import io
import shutil
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from device_agent.engine.package import ModelPackage
from device_agent.engine.runtime.motion import MotionModel
from device_agent.engine.runtime.onnx import OnnxBackend
from frame_protocol.model_package import MANIFEST, WEIGHTS, Decode, FileEntry, ModelManifest, Sampling, SelfTest
from model_pipeline.data import third_party
from model_pipeline.errors import WeightsUnusable
from model_pipeline.export import graphs, int8, reference
from model_pipeline.export.parts import REPAIR, TONGUE, Part
from model_pipeline.models.config import NANO, ModelConfig

WEIGHTS_DIR = Path(__file__).resolve().parents[1] / "weights" / "nano"
"""The weights that the repository ships."""
PARTS: tuple[Part[Any], ...] = (TONGUE, REPAIR)
SHIPPED_PARTS: tuple[Part[Any], ...] = (TONGUE,)
"""The networks beside the model that packages carry unless told otherwise."""
CARD = "MODEL_CARD.md"
REPOSITORY = third_party.REPOSITORY
SHIPPED_SAMPLING = Sampling(decode=Decode.MEAN, temperature=0.7, gain=1.2, feedback_temperature=1.4, seed=0)
"""ADR 0010 and 0030: the mean of the codes, the next frame told a warmer one."""
HASH_DIGITS = 12


def build_directory(
    tensors: Mapping[str, NDArray[np.generic]], card: str, out: Path, config: ModelConfig = NANO
) -> ModelManifest:
    """Write an unpacked package into the empty folder ``out`` and return its manifest."""
    out.mkdir(parents=True, exist_ok=True)
    shipped = {n: np.ascontiguousarray(a) for n, a in tensors.items() if not n.startswith(int8.LABORATORY)}
    save_file(shipped, out / WEIGHTS)
    graphs.export_graphs(int8.model_of(shipped, config), out / WEIGHTS)
    for part in PARTS:
        net = part.net_of(shipped, config)
        if net is not None:
            graphs.export_beside(part.graph, net, config, out / WEIGHTS)
    for name, source in third_party.model_files().items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, out / name)
    (out / CARD).write_text(card, encoding="utf-8")
    shutil.copyfile(REPOSITORY / "NOTICE", out / "NOTICE")
    reference.save(out)
    return _write_manifest(out, shipped, config)


def _write_manifest(out: Path, tensors: Mapping[str, NDArray[np.generic]], config: ModelConfig) -> ModelManifest:
    """Run the self-test on what was written, then write the manifest."""
    digest = int8.integer_hash(tensors)
    manifest = ModelManifest(
        kind="model",
        model_id=f"{config.family}-{digest[:HASH_DIGITS]}",
        family=config.family,
        weights_sha256=digest,
        files=listing(out),
        shape=config.graph_shape(),
        sampling=SHIPPED_SAMPLING,
        self_test=SelfTest(tokens=[], opening_mm=[]),
    )
    manifest = msgspec.structs.replace(manifest, self_test=run_self_test(out, manifest))
    (out / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


def run_self_test(directory: Path, manifest: ModelManifest) -> SelfTest:
    """Return the reference that the files in ``directory`` produce (through ONNX Runtime, as on a frame)."""
    package = ModelPackage(directory, manifest)
    constants = package.constants()
    audio = reference.samples((directory / reference.VOICE).read_bytes())
    return reference.self_test(MotionModel(OnnxBackend(package), manifest.shape, constants), constants, audio)


def listing(directory: Path) -> dict[str, FileEntry]:
    """Return length and hash of every file of a package folder but the manifest."""
    found = {}
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        name = path.relative_to(directory).as_posix()
        if name != MANIFEST:
            data = path.read_bytes()
            found[name] = FileEntry(length=len(data), sha256=hashlib.sha256(data).hexdigest())
    return dict(sorted(found.items()))


def write_tar(directory: Path, out: Path) -> None:
    """Pack a folder as docs/protocol.md says: the manifest first, the rest sorted, no times, no owners."""
    names = sorted(p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file())
    names.remove(MANIFEST)
    part = out.with_name(out.name + ".part")
    with tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name in (MANIFEST, *names):
            data = (directory / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    part.replace(out)


def package_weights(
    weights_dir: Path, out: Path, config: ModelConfig = NANO, *, parts: Sequence[Part[Any]] = SHIPPED_PARTS
) -> ModelManifest:
    """Make the package ``out`` of a weights folder (weights.safetensors and MODEL_CARD.md).

    The repository's networks of ``parts`` join it.
    """
    source = weights_dir / WEIGHTS
    if not source.is_file():
        raise WeightsUnusable(f"{source} is missing; train weights with: make train-nano")
    card = weights_dir / CARD
    text = card.read_text(encoding="utf-8") if card.is_file() else "No model card: weights of a private training.\n"
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="liveframe-package-") as folder:
        directory = Path(folder) / "package"
        tensors = load_file(source)
        for part in parts:
            tensors |= part.load(part.folder)
        manifest = build_directory(tensors, text, directory, config)
        write_tar(directory, out)
    return manifest
