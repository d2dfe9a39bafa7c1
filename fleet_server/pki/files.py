"""Secret and public files of the CA, written whole and with the right mode from the first byte."""

import os
from pathlib import Path

SECRET_MODE = 0o600
PUBLIC_MODE = 0o644
DIRECTORY_MODE = 0o700


def write(path: Path, data: bytes, mode: int = SECRET_MODE) -> None:
    """Write ``data`` beside ``path``, sync, rename over it: readers see the old file or the new one, never half."""
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
