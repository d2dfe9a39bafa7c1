"""A tree becomes a read-only file system (squashfs), the same bytes each time: no dates, no owners."""

import subprocess
from pathlib import Path

from fleet_server.errors import ConfigurationError

REPRODUCIBLE = ("-all-time", "0", "-mkfs-time", "0", "-all-root", "-no-xattrs", "-no-exports", "-processors", "1")
COMPRESSION = ("-comp", "zstd", "-Xcompression-level", "15")


def squash(tree: Path, out: Path) -> None:
    """Write the file system of ``tree`` to ``out``."""
    command = ["mksquashfs", str(tree), str(out), "-noappend", "-quiet", "-no-progress", *REPRODUCIBLE, *COMPRESSION]
    run(command, "squashfs-tools")


def run(command: list[str], package: str) -> str:
    """Run a tool of Debian's and return what it printed; an error says which package brings it, or what it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ConfigurationError(f"{command[0]} is missing; run: apt-get install {package}") from None
    if done.returncode != 0:
        raise ConfigurationError(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout
