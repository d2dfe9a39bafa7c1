"""From trained factors to the delta file, by the merge that frames use (docs/protocol.md, "Model delta")."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from device_agent.engine import package
from device_agent.engine.loaded import Engine
from device_agent.engine.selftest import perform_reference
from device_agent.update.delta_format import Factors, pack, write_factors
from device_agent.update.merge import file_hash, merge_file
from frame_protocol.model_package import (
    DELTA,
    MANIFEST,
    WEIGHTS,
    DeltaManifest,
    FileEntry,
    ModelManifest,
    SelfTest,
)
from model_pipeline.fix.factors import quantise_factors, steps_of

OPENING_DIGITS = 3


def integer_factors(trained: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Factors]:
    """Return the integer factors of each weight that the training changed by at least one step somewhere."""
    factors = {name: quantise_factors(up, down) for name, (up, down) in trained.items()}
    return {name: part for name, part in factors.items() if np.any(np.rint(steps_of(part)))}


def merge_package(base: Path, factors: Mapping[str, Factors], target: Path) -> ModelManifest:
    """Fill the empty ``target`` with the package that ``base`` becomes; its self-test is measured anew."""
    manifest = package.load(base).manifest
    merged = merge_file(base / WEIGHTS, factors, target / WEIGHTS)
    for name in manifest.files:
        if name != WEIGHTS:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(base / name, target / name)
    entry = FileEntry(length=(target / WEIGHTS).stat().st_size, sha256=file_hash(target / WEIGHTS))
    result = replace(
        manifest,
        model_id=f"{manifest.family}-{merged[:12]}",
        weights_sha256=merged,
        files={**manifest.files, WEIGHTS: entry},
    )
    _write(target, result)
    measured = replace(result, self_test=_measured(target, result.self_test))
    _write(target, measured)
    return package.verify(target)


def _write(target: Path, manifest: ModelManifest) -> None:
    (target / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def _measured(target: Path, before: SelfTest) -> SelfTest:
    """Return the self-test with what the merged model says to its own reference voice."""
    model = package.load(target)
    limit = len(before.tokens) or None
    tokens, openings = perform_reference(Engine(model), model.path(before.voice), limit=limit)
    return replace(before, tokens=tokens, opening_mm=[round(value, OPENING_DIGITS) for value in openings])


def write_delta(
    out: Path, base: Path, factors: Mapping[str, Factors], result: ModelManifest, work: Path
) -> DeltaManifest:
    """Write the delta file; ``work`` is scratch space for its parts."""
    write_factors(work / DELTA, factors)
    entry = FileEntry(length=(work / DELTA).stat().st_size, sha256=file_hash(work / DELTA))
    manifest = DeltaManifest(
        kind="model_delta",
        model_id=result.model_id,
        base_weights_sha256=package.load(base).manifest.weights_sha256,
        result_weights_sha256=result.weights_sha256,
        files={DELTA: entry},
        rank=max(part.up.shape[1] for part in factors.values()),
        self_test=result.self_test,
    )
    pack(out, msgspec.json.encode(manifest), {DELTA: work / DELTA})
    return manifest
