"""The archive that a ``.swu`` is: cpio "new ASCII with checksum" (``cpio -o -H crc``); equal files, equal bytes.

Format: cpio(5), "New CRC Format": 110 octets of hexadecimal, the name, then the content, each filled up to four
octets. Every time, owner and inode says nothing about the machine that wrote it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

MAGIC = "070702"
TRAILER = "TRAILER!!!"
ALIGNMENT = 4
BLOCK_BYTES = 512
MODE = 0o100644
CHUNK_BYTES = 1 << 20
MAX_FILE_BYTES = 0xFFFFFFFF
"""Eight hexadecimal digits are all that the format has for a length."""


def write(out: Path, files: Sequence[Path]) -> None:
    """Write the files, in this order and under their own names, as one archive."""
    with out.open("wb") as archive:
        for number, path in enumerate(files, start=1):
            _entry(archive, path.name, number, path.stat().st_size, _checksum(path))
            with path.open("rb") as content:
                while chunk := content.read(CHUNK_BYTES):
                    archive.write(chunk)
            _fill(archive, ALIGNMENT)
        _entry(archive, TRAILER, 0, 0, 0)
        _fill(archive, BLOCK_BYTES)


def header(name: str, inode: int, length: int, checksum: int) -> bytes:
    """Return the header of an entry, its name included and filled up."""
    mode, links = (0, 1) if name == TRAILER else (MODE, 1)
    fields = (inode, mode, 0, 0, links, 0, length, 0, 0, 0, 0, len(name) + 1, checksum)
    data = (MAGIC + "".join(f"{field:08X}" for field in fields)).encode() + name.encode() + b"\0"
    return data + bytes(-len(data) % ALIGNMENT)


def _entry(archive: IO[bytes], name: str, inode: int, length: int, checksum: int) -> None:
    archive.write(header(name, inode, length, checksum))


def _checksum(path: Path) -> int:
    """Return the sum of all octets, in 32 bits: what the format calls a checksum."""
    total = 0
    with path.open("rb") as content:
        while chunk := content.read(CHUNK_BYTES):
            total += sum(chunk)
    return total & 0xFFFFFFFF


def _fill(archive: IO[bytes], unit: int) -> None:
    archive.write(bytes(-archive.tell() % unit))
