"""Reads the image inside a ``.swu`` (cpio with checksums, cpio(5)), to compare it with what lies in a slot.

SWUpdate has verified signature and hash when it wrote; it does not sync, so what reached the disk is looked at again.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from device_agent.errors import StorageError, UpdateFailed
from device_agent.system import files
from frame_protocol.errors import ProtocolError
from frame_protocol.firmware import HEAD_BYTES, HEADER_BYTES, aligned, carried_counter, entry_lengths

IMAGE = "root.squashfs"
MAX_NAME_BYTES = 256
TRAILER = "TRAILER!!!"
CHUNK_BYTES = 1 << 20


def image(container: Path) -> tuple[int, int]:
    """Return offset and length of the slot's file system in the container."""
    with container.open("rb") as file:
        for name, offset, length in _entries(file):
            if name == IMAGE:
                return offset, length
    raise UpdateFailed(f"the firmware holds no {IMAGE}; build it with 'fleet-server firmware build'")


def counter(container: Path) -> int:
    """Return the counter that the image carries; 0: it was built before images carried one."""
    with files.disk_errors(f"cannot read {container}"), container.open("rb") as file:
        head = file.read(HEAD_BYTES)
    try:
        return carried_counter(head)
    except ProtocolError as error:
        raise UpdateFailed(f"the firmware is no .swu: {error}") from error


def differs(container: Path, slot: Path) -> str | None:
    """Return what is wrong when the slot does not begin with the container's image, or None."""
    offset, length = image(container)
    try:
        with container.open("rb") as wanted, slot.open("rb") as found:
            wanted.seek(offset)
            for start in range(0, length, CHUNK_BYTES):
                size = min(CHUNK_BYTES, length - start)
                if wanted.read(size) != found.read(size):
                    return f"{slot.name} differs from the image at or after byte {start}"
    except OSError as error:
        raise StorageError(f"cannot compare {slot} with the image: {error.strerror}; check the disk") from error
    return None


def _entries(file: IO[bytes]) -> Iterator[tuple[str, int, int]]:
    while True:
        try:
            length, name_length = entry_lengths(file.read(HEADER_BYTES))
        except ProtocolError as error:
            raise UpdateFailed(f"the firmware is no .swu: {error}") from error
        if not 0 < name_length <= MAX_NAME_BYTES:
            raise UpdateFailed(f"the firmware is no .swu: a name of {name_length} bytes")
        name = file.read(name_length).rstrip(b"\0").decode("ascii", "replace")
        offset = aligned(file.tell())
        if name == TRAILER:
            return
        yield name, offset, length
        file.seek(aligned(offset + length))
