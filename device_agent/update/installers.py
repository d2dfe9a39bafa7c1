"""How each kind of artefact fills a slot of its place. An installer ends with a complete version or an error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from device_agent.errors import UpdateFailed
from device_agent.system import disk, files
from device_agent.update import song_packs
from device_agent.update.delta_format import read_factors
from device_agent.update.journal import Place
from device_agent.update.merge import file_hash, merge_file
from frame_protocol.model_package import DELTA, MANIFEST, WEIGHTS, DeltaManifest, FileEntry, ModelManifest
from frame_protocol.updates import ArtefactKind, HealthFigures


@dataclass(frozen=True)
class ModelTools:
    """What an update needs of the engine."""

    unpack: Callable[[Path, Path], ModelManifest]
    """Unpack the tar of a whole model into an empty directory and verify it."""
    unpack_delta: Callable[[Path, Path], DeltaManifest]
    """Unpack the tar of a delta into an empty directory, each file compared with its manifest."""
    verify: Callable[[Path], ModelManifest]
    """Compare every file of an unpacked model with its manifest."""
    self_test: Callable[[Path], HealthFigures]
    """Load the model in that directory, render its reference and measure; ModelError when it does not hold."""


class Installer(Protocol):
    """Fills ``target`` from the artefact ``source``; ``base`` is what is active in the place, ``work`` for scratch.

    ``target`` is empty, or holds what an installer of the same place and release made before.
    """

    def __call__(self, source: Path, base: Path | None, target: Path, work: Path) -> str | None:
        """Return the hash of the integer weights now in ``target``; None from a place that holds no weights."""
        ...


PLACES: Mapping[ArtefactKind, Place] = {
    ArtefactKind.MODEL: Place.MODEL,
    ArtefactKind.MODEL_DELTA: Place.MODEL,
    ArtefactKind.CONTENT: Place.CONTENT,
}
"""Where each kind is installed."""

SelfTest = Callable[[Path], HealthFigures]


def self_tests(tools: ModelTools) -> Mapping[Place, SelfTest]:
    """Return what an active version of each place must pass; AgentError when it does not."""

    def content(directory: Path) -> HealthFigures:
        song_packs.read_all(directory)
        return HealthFigures()

    return {Place.MODEL: tools.self_test, Place.CONTENT: content}


def installers(tools: ModelTools) -> Mapping[ArtefactKind, Installer]:
    """Return the installer of each kind that this agent can install."""

    def model(source: Path, base: Path | None, target: Path, work: Path) -> str:
        return tools.unpack(source, target).weights_sha256

    def delta(source: Path, base: Path | None, target: Path, work: Path) -> str:
        if base is None:
            raise UpdateFailed("a delta came, but this frame has no model that it could change; send a whole model")
        files.remove_tree(work)
        files.make_directory(work)
        apply_delta(tools, tools.unpack_delta(source, work), work / DELTA, base, target)
        files.remove_tree(work)
        return tools.verify(target).weights_sha256

    def content(source: Path, base: Path | None, target: Path, work: Path) -> None:
        song_packs.add(source, base, target)

    return {ArtefactKind.MODEL: model, ArtefactKind.MODEL_DELTA: delta, ArtefactKind.CONTENT: content}


def apply_delta(tools: ModelTools, delta: DeltaManifest, factors: Path, base: Path, target: Path) -> None:
    """Make ``target`` the package that ``base`` becomes by the delta: weights merged, manifest rewritten."""
    with files.disk_errors(f"cannot read {base}"):
        manifest = msgspec.json.decode((base / MANIFEST).read_bytes(), type=ModelManifest)
    if manifest.weights_sha256 != delta.base_weights_sha256:
        raise UpdateFailed(
            f"the delta is for the model with weights {delta.base_weights_sha256[:12]}, "
            f"active is {manifest.weights_sha256[:12]}; send the delta for it, or a whole model"
        )
    merged = merge_file(base / WEIGHTS, read_factors(factors), target / WEIGHTS)
    if merged != delta.result_weights_sha256:
        raise UpdateFailed(
            f"merging gave weights {merged[:12]}, the delta promises {delta.result_weights_sha256[:12]}"
        )
    entry = FileEntry(length=(target / WEIGHTS).stat().st_size, sha256=file_hash(target / WEIGHTS))
    _copy_others(base, target, manifest)
    result = replace(
        manifest,
        model_id=delta.model_id,
        weights_sha256=merged,
        files={**manifest.files, WEIGHTS: entry},
        self_test=delta.self_test,
    )
    with files.disk_errors(f"cannot write {target}"), disk.create(target / MANIFEST) as file:
        file.write(msgspec.json.encode(result))


def _copy_others(base: Path, target: Path, manifest: ModelManifest) -> None:
    for name in manifest.files:
        if name != WEIGHTS:
            files.copy(base / name, target / name)
