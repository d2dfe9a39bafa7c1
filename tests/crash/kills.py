"""Kills a program at the N-th system call of a kind: strace injects SIGKILL as the call begins, so it is not made.

A kill is less than a power cut: what the kernel holds survives. It is more than the recorder sees: programs and
libraries that are not ours. A first run is traced and counted; the points are chosen from what really occurs.
"""

import os
import re
import shlex
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

SEED = int(os.environ.get("LIVEFRAME_SEED", "4"))
CHANGES = (
    "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "renameat2", "unlink", "unlinkat",
    "mkdir", "mkdirat", "rmdir", "symlink", "symlinkat", "link", "linkat", "fchmod",
)  # fmt: skip
"""What changes a disk."""
STRACE = ("strace", "-f", "-qq")
QUICKLY = "--seccomp-bpf"
"""Other calls than those that are named run at full speed. Not with a kill: strace 6.1 then stops counting at one."""

_CALL = re.compile(r"^(\d+)\s+(\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Point:
    """Where a program is killed: a process of it begins its ``when``-th call of this kind."""

    call: str
    when: int

    def __str__(self) -> str:
        return f"{self.call}:{self.when}"


def tracing(calls: tuple[str, ...], trace: Path) -> list[str]:
    """Return what to put before a command, so that ``counts`` can be read from ``trace``."""
    return [*STRACE, QUICKLY, "-o", str(trace), "-e", f"trace={','.join(calls)}"]


def killing(point: Point) -> list[str]:
    """Return what to put before a command, so that it is killed there."""
    chosen = [f"trace={point.call}", f"inject={point.call}:signal=SIGKILL:when={point.when}"]
    return [*STRACE, "-o", "/dev/null", *(word for option in chosen for word in ("-e", option))]


def counts(trace: Path) -> dict[str, int]:
    """Return how often each call was made by the process that made it most often: strace counts for each."""
    made: dict[str, int] = {}
    for (_, call), number in Counter(_CALL.findall(trace.read_text(errors="replace"))).items():
        made[call] = max(number, made.get(call, 0))
    return made


def sample(made: dict[str, int], points: int, victim: str) -> list[Point]:
    """Return points chosen by the seed, each kind of call as likely as the next; or the ``LIVEFRAME_POINT``."""
    said = " ".join(f"{call}={number}" for call, number in sorted(made.items()))
    sys.stdout.write(f"{victim}: LIVEFRAME_SEED={SEED}, calls {said}\n")
    assert made, f"{victim}: the traced run made no such call"
    if "LIVEFRAME_POINT" in os.environ:
        call, when = os.environ["LIVEFRAME_POINT"].split(":")
        return [Point(call, int(when))]
    return [_chosen(made, Random(f"{SEED} {victim} {number}")) for number in range(points)]


def _chosen(made: dict[str, int], random: Random) -> Point:
    call = random.choice(sorted(made))
    return Point(call, random.randint(1, made[call]))


def script(path: Path, before: list[str], program: str, seconds: int) -> None:
    """Write a program that runs ``program`` behind ``before``; what is left of it after ``seconds`` is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec timeout -s KILL {seconds} {shlex.join(before)} {program} "$@"\n')
    path.chmod(0o755)
