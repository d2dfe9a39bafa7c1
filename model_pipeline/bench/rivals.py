"""General binary deltas on the same pair of files: what they weigh, and what making and applying them takes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_pipeline.errors import ToolFailed


@dataclass(frozen=True)
class Rival:
    """One program: how it makes a patch and how it applies one."""

    name: str
    program: str
    make: Sequence[str]
    """Arguments; {old}, {new} and {patch} stand for the files."""
    apply: Sequence[str]


RIVALS = (
    Rival("bsdiff", "bsdiff", ("bsdiff", "{old}", "{new}", "{patch}"), ("bspatch", "{old}", "{new}", "{patch}")),
    Rival(
        "xdelta3 -9",
        "xdelta3",
        ("xdelta3", "-e", "-9", "-f", "-B", "{window}", "-s", "{old}", "{new}", "{patch}"),
        ("xdelta3", "-d", "-f", "-B", "{window}", "-s", "{old}", "{patch}", "{new}"),
    ),
    Rival(
        "zstd --patch-from -9",
        "zstd",
        ("zstd", "-9", "-T1", "-q", "-f", "--long=31", "--patch-from={old}", "{new}", "-o", "{patch}"),
        ("zstd", "-d", "-q", "-f", "--long=31", "--memory=2048MB", "--patch-from={old}", "{patch}", "-o", "{new}"),
    ),
)


@dataclass(frozen=True)
class Cost:
    """What one program run took."""

    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Result:
    """What a rival made of a pair."""

    name: str
    bytes: int
    make: Cost
    apply: Cost


def compare(rival: Rival, old: Path, new: Path, work: Path) -> Result | None:
    """Make and apply a patch in ``work``; None where the program is not installed."""
    if shutil.which(rival.program) is None:
        return None
    patch, again = work / "patch", work / "again"
    window = str(old.stat().st_size)
    made = run([part.format(old=old, new=new, patch=patch, window=window) for part in rival.make])
    applied = run([part.format(old=old, new=again, patch=patch, window=window) for part in rival.apply])
    if not _same(new, again):
        raise ToolFailed(f"{rival.name}: applying its patch did not give the file back")
    result = Result(rival.name, patch.stat().st_size, made, applied)
    patch.unlink()
    again.unlink()
    return result


def run(command: Sequence[str]) -> Cost:
    """Run a program and return what it took; a small process starts it, for a peak includes the starter's memory."""
    starter = [sys.executable, "-m", "model_pipeline.bench.rivals", *command]
    started = subprocess.run(starter, stdout=subprocess.PIPE, check=False)
    if started.returncode != 0:
        raise ToolFailed(f"{' '.join(command)}: exit code {started.returncode}")
    return Cost(**json.loads(started.stdout))


def _start(command: Sequence[str]) -> int:
    """Run a program, print what it took as JSON, and return its exit code."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = round(usage.ru_utime + usage.ru_stime, 2)
    sys.stdout.write(json.dumps({"cpu_seconds": seconds, "peak_mb": round(usage.ru_maxrss / 1024)}))
    return process.returncode


def _same(one: Path, other: Path, block: int = 1 << 20) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        return all(data == second.read(block) for data in iter(lambda: first.read(block), b""))


if __name__ == "__main__":
    sys.exit(_start(sys.argv[1:]))
