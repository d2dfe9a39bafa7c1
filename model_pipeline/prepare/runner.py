"""Runs a stage on a clip once: what was made whole is kept and recognised, what was cut short is made again.

A unit is one stage's work on one input. Its folder appears whole, by a rename, with ``record.json`` in it: a key made
of the stage's settings and the content of the input, and the hash of every file made. A second run compares and does
nothing; a changed input, setting or damaged file makes that unit, and what follows from it, again.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from model_pipeline.prepare.outcome import Outcome, SetAside
from model_pipeline.prepare.pipeline import Stage
from model_pipeline.prepare.progress import Tick

RECORD = "record.json"


class Record(msgspec.Struct, frozen=True):
    """What ``record.json`` says."""

    key: str
    outcome: Outcome
    files: dict[str, str]
    """Path below the unit's folder -> SHA-256."""


@dataclass(frozen=True)
class Unit:
    """A stage's work on one input."""

    name: str
    source: Path
    """A clip folder, or a recording."""
    digest: str
    """Of the input's content."""


@dataclass(frozen=True)
class Done:
    """A unit that is whole on disk."""

    outcome: Outcome
    clips: list[Unit]
    """The clips made, as inputs of the next stage."""
    fresh: bool
    """Made now, not found."""


def run(stage: Stage, unit: Unit, folder: Path, tick: Tick) -> Done:
    """Return the unit of ``stage`` below ``folder``, made now unless it is there already."""
    target, key = folder / unit.name, key_of(stage, unit)
    record = found(target, key)
    if record is not None:
        return Done(record.outcome, _clips(target, record), fresh=False)
    part = folder / f".{unit.name}.part"
    for leftover in (part, target):
        shutil.rmtree(leftover, ignore_errors=True)
    part.mkdir(parents=True)
    outcome = stage.work(unit.source, part, tick)
    outcome.set_aside = _merged(outcome.set_aside)
    record = Record(key, outcome, hashes(part))
    _write(part / RECORD, msgspec.json.format(msgspec.json.encode(record), indent=1))
    part.rename(target)
    return Done(outcome, _clips(target, record), fresh=True)


def key_of(stage: Stage, unit: Unit) -> str:
    """Return what tells this work from any other."""
    about: dict[str, Any] = {"stage": stage.name, "settings": stage.settings, "input": unit.digest}
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def found(target: Path, key: str) -> Record | None:
    """Return the record of a unit that is whole and of this key."""
    try:
        record = msgspec.json.decode((target / RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None
    return record if record.key == key and record.files == hashes(target) else None


def hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder`` but its record."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    return {path.relative_to(folder).as_posix(): digest_of(path) for path in files}


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sweep(folder: Path, wanted: set[str]) -> None:
    """Remove units whose input is no longer there."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in wanted:
            shutil.rmtree(path)


def _clips(target: Path, record: Record) -> list[Unit]:
    units = []
    for name in record.outcome.kept:
        own = {path: value for path, value in record.files.items() if path.startswith(f"{name}/")}
        units.append(Unit(name, target / name, hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()))
    return units


def _merged(items: list[SetAside]) -> list[SetAside]:
    """Add up the seconds of stretches that were set aside for the same reason."""
    sums: dict[tuple[Any, ...], float] = {}
    for item in items:
        place = (item.source, item.why, item.detail)
        sums[place] = sums.get(place, 0.0) + item.seconds
    return [SetAside(source, why, round(seconds, 3), detail) for (source, why, detail), seconds in sums.items()]


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
