"""Where clips and voices lie: ``LocalBlobStorage`` keeps them on disk by content hash; others have the same face."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from fleet_server.errors import Invalid

CHUNK_BYTES = 256 * 1024


class BlobStorage(Protocol):
    """Bytes under the SHA-256 of their content."""

    def store(self, stream: BinaryIO, sha256: str, limit: int) -> int:
        """Keep what ``stream`` holds if it is at most ``limit`` bytes and has this hash; return its length."""

    def open(self, sha256: str) -> BinaryIO:
        """Open for reading."""

    def path(self, sha256: str) -> Path | None:
        """A local path, where there is one: web servers send files by it."""

    def delete(self, sha256: str) -> None:
        """Erase; what is not there is fine."""

    def __iter__(self) -> Iterator[str]:
        """The hashes of everything kept."""


class LocalBlobStorage:
    """A directory; two levels, files 0600, written whole (fsync, rename, fsync of the directory)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def store(self, stream: BinaryIO, sha256: str, limit: int) -> int:
        """Keep what ``stream`` holds if it is at most ``limit`` bytes and has this hash; return its length."""
        final = self._place(sha256)
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = final.with_name(f".{sha256}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            length = _copy(stream, beside, sha256, limit)
            beside.replace(final)
        finally:
            beside.unlink(missing_ok=True)
        directory = os.open(final.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return length

    def open(self, sha256: str) -> BinaryIO:
        """Open for reading."""
        return self._place(sha256).open("rb")

    def path(self, sha256: str) -> Path | None:
        """The file's path, or None when it is not there."""
        place = self._place(sha256)
        return place if place.is_file() else None

    def delete(self, sha256: str) -> None:
        """Erase; what is not there is fine."""
        self._place(sha256).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[str]:
        """The hashes of everything kept."""
        return (path.name for path in self._directory.glob("??/*") if not path.name.startswith("."))

    def _place(self, sha256: str) -> Path:
        return self._directory / sha256[:2] / sha256


def _copy(stream: BinaryIO, target: Path, sha256: str, limit: int) -> int:
    """Copy to ``target`` while counting and hashing; refuse what does not fit."""
    digest, length = hashlib.sha256(), 0
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := stream.read(CHUNK_BYTES):
            length += len(chunk)
            if length > limit:
                raise Invalid(f"the file is longer than the {limit} bytes that are accepted")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != sha256:
        raise Invalid(f"the complaint announced SHA-256 {sha256}, the file has {digest.hexdigest()}; send it again")
    return length
