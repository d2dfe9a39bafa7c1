"""Which counter a firmware image carries, compared with the release that is to be signed or published."""

import re
import subprocess
from pathlib import Path

from fleet_server.errors import ConfigurationError, Invalid
from frame_protocol.errors import ProtocolError
from frame_protocol.firmware import HEAD_BYTES, carried_counter
from frame_protocol.updates import Line, Release

SQUASHFS = b"hsqs"
"""What a RAUC bundle begins with (squashfs, superblock)."""
RAUC_MANIFEST = "manifest.raucm"

_BUILD = re.compile(r"^build=([1-9][0-9]{0,15})$", re.MULTILINE)


def check(release: Release, name: str, image: Path) -> None:
    """Invalid unless the image carries a counter, and in the line ``firmware`` the release's own.

    In a set of another line, which counts for itself, the image has its own: frames compare it with what they run.
    """
    found = counter(name, image)
    if found == 0:
        raise Invalid(
            f"{name} carries no counter; build it anew by 'fleet-server firmware build --counter N', "
            "for frames could not tell it from an older one"
        )
    if release.line is Line.FIRMWARE and found != release.counter:
        raise Invalid(
            f"{name} carries counter {found}, the release {release.name} has {release.counter}; "
            "frames refuse it, build one of them anew"
        )


def counter(name: str, image: Path) -> int:
    """Return the counter that a ``.swu`` or ``.raucb`` carries, 0 for none; ``name`` is what people call it."""
    with image.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(SQUASHFS):
        found = _BUILD.search(_rauc_manifest(name, image))
        return int(found.group(1)) if found else 0
    try:
        return carried_counter(head)
    except ProtocolError as error:
        raise Invalid(f"{name} is no firmware that frames install: {error}") from error


def _rauc_manifest(name: str, bundle: Path) -> str:
    command = ["unsquashfs", "-cat", str(bundle), RAUC_MANIFEST]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise ConfigurationError("unsquashfs is missing; run: apt-get install squashfs-tools") from None
    if done.returncode != 0:
        raise Invalid(f"{name} is no RAUC bundle: it holds no {RAUC_MANIFEST}")
    return done.stdout
