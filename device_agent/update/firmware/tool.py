"""Runs SWUpdate or RAUC: an argument list, a time limit, and the last lines it said when it fails."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from device_agent.errors import StorageError, UpdateFailed

INSTALL_SECONDS = 3600.0
"""An image of a gigabyte takes a minute; a medium that needs an hour is broken."""
SAID_CHARACTERS = 120
"""What fits into a report's reason beside our own words."""


ATTEMPTS = 2
"""A failure without a word says nothing of the image: it is asked once more."""
SILENT = "it failed and said nothing"


@dataclass(frozen=True)
class Words:
    """How a tool says on its output how it went."""

    complaint: str
    """In every line that names a reason."""
    success: str | None = None
    """A whole line that is believed over the exit code where nothing complains; None: the code can be trusted."""


def run(command: Sequence[str], directory: Path, environment: Mapping[str, str], words: Words) -> str:
    """Run the tool in ``directory`` and return its output; a failure without a reason is tried once more.

    UpdateFailed when it says no; StorageError when it was killed or hangs, which says nothing about the release.
    """
    reason = SILENT
    for _ in range(ATTEMPTS):
        done = _once(command, directory, environment)
        reason = _complaint(done.stderr + done.stdout, words.complaint)
        if done.returncode == 0 or (reason == SILENT and words.success in done.stdout.splitlines()):
            return done.stdout
        if reason != SILENT:
            break
    raise UpdateFailed(f"{command[0]}: {reason}")


def _once(
    command: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=dict(environment),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise StorageError(f"{command[0]} is not installed on this frame; its image must bring it") from None
    except subprocess.TimeoutExpired:
        raise StorageError(f"{command[0]} took more than {INSTALL_SECONDS:.0f} s; it is tried again") from None
    if done.returncode < 0:
        raise StorageError(f"{command[0]} was ended by signal {-done.returncode}; it is tried again")
    return done


def _complaint(said: str, marker: str) -> str:
    """Return the first line that complains, without its decoration."""
    lines = [line.split(marker, 1)[1].strip(" :[]0123456789") for line in said.splitlines() if marker in line]
    return (lines[0] if lines else SILENT)[:SAID_CHARACTERS]
