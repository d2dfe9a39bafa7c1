"""Reads the image inside a ``.swu`` (cpio with checksums, cpio(5)), to compare it with what lies in a slot.

SWUpdate has verified signature and hash when it wrote; it does not sync, so what reached the disk is looked at again.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from device_agent.errors import StorageError, UpdateFailed
from device_agent.system import files
from frame_protocol.errors import ProtocolError
from frame_protocol.firmware import HEAD_BYTES, carried_counter

IMAGE = "root.squashfs"
MAGIC = b"070702"
HEADER_BYTES = 110
FIELD_BYTES = 8
LENGTH_FIELD, NAME_FIELD = 6, 11
ALIGNMENT = 4
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
        header = file.read(HEADER_BYTES)
        if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
            raise UpdateFailed("the firmware is no .swu: a cpio archive with checksums was expected")
        length, name_length = _number(header, LENGTH_FIELD), _number(header, NAME_FIELD)
        if not 0 < name_length <= MAX_NAME_BYTES:
            raise UpdateFailed(f"the firmware is no .swu: a name of {name_length} bytes")
        name = file.read(name_length).rstrip(b"\0").decode("ascii", "replace")
        offset = _aligned(file.tell())
        if name == TRAILER:
            return
        yield name, offset, length
        file.seek(_aligned(offset + length))


def _number(header: bytes, field: int) -> int:
    start = len(MAGIC) + field * FIELD_BYTES
    try:
        return int(header[start : start + FIELD_BYTES], 16)
    except ValueError as error:
        raise UpdateFailed("the firmware is no .swu: a field is no number") from error


def _aligned(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT
