"""Artefacts on their way in: streamed to disk under their hash, kept only when the hash is right."""

import hashlib
import os
import re
from pathlib import Path
from typing import IO

from fleet_server.errors import Invalid

MAX_ARTEFACT_BYTES = 4 * 1024 * 1024 * 1024
"""A firmware image is the largest; a model package is below 1 GiB."""
CHUNK_BYTES = 1 << 20

_SHA256 = re.compile(r"^[0-9a-f]{64}\Z")


def check_name(sha256: str) -> str:
    """Return the hash, or refuse what is none."""
    if not _SHA256.match(sha256):
        raise Invalid(f"expected a SHA-256 in lower-case hexadecimal, got {sha256[:80]!r}")
    return sha256


def receive(stream: IO[bytes], path: Path, sha256: str) -> None:
    """Write ``stream`` to ``path`` when its hash is ``sha256``; otherwise nothing stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        digest = _copy(stream, beside)
        if digest != sha256:
            raise Invalid(f"the upload hashes to {digest}, {sha256} was announced; send the file again")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _copy(stream: IO[bytes], path: Path) -> str:
    digest, length = hashlib.sha256(), 0
    with path.open("wb") as file:
        while chunk := stream.read(CHUNK_BYTES):
            length += len(chunk)
            if length > MAX_ARTEFACT_BYTES:
                raise Invalid(f"more than {MAX_ARTEFACT_BYTES} bytes came; no artefact is that large")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
