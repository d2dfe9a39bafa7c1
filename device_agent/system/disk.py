"""Every change that the agent makes to a disk, one function each.

Nothing here is clever: ``files`` and the installers compose these into writes that survive a power cut, and the crash
tests (docs/crash-tests.md) record the calls and replay them with the power cut at each. What changes the disk past
this file would be invisible to them; a structural test forbids it. Errors of the operating system pass as OSError.
"""

import os
from pathlib import Path
from types import TracebackType

FILE_MODE = 0o644


class Writer:
    """An open file that is written from front to back, without a buffer of ours."""

    def __init__(self, path: Path, flags: int, mode: int) -> None:
        self.path = path
        self._descriptor = os.open(path, flags | os.O_WRONLY | os.O_CLOEXEC, mode)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def write(self, data: bytes | memoryview) -> None:
        """Append all of ``data``."""
        left = memoryview(data).cast("B")
        while left:
            left = left[os.write(self._descriptor, left) :]

    def truncate(self, size: int) -> None:
        """Cut the file to ``size`` bytes and go on writing there."""
        os.ftruncate(self._descriptor, size)
        os.lseek(self._descriptor, size, os.SEEK_SET)

    def sync(self) -> None:
        """Make the content durable; the name is durable only after ``sync_directory``."""
        os.fsync(self._descriptor)


def create(path: Path, *, mode: int = FILE_MODE) -> Writer:
    """Open an empty file; what was there is lost."""
    return Writer(path, os.O_CREAT | os.O_TRUNC, mode)


def create_new(path: Path, *, mode: int = FILE_MODE) -> Writer:
    """Open an empty file under a name that must be free."""
    return Writer(path, os.O_CREAT | os.O_EXCL, mode)


def reopen(path: Path) -> Writer:
    """Open an existing file; call ``truncate`` to say where to go on."""
    return Writer(path, 0, FILE_MODE)


def rename(old: Path, new: Path) -> None:
    """Give ``old`` the name ``new``, replacing what had it, in one instant."""
    old.replace(new)


def unlink(path: Path) -> None:
    """Delete a file or a symbolic link."""
    path.unlink()


def mkdir(path: Path) -> None:
    """Make an empty directory."""
    path.mkdir()


def rmdir(path: Path) -> None:
    """Delete an empty directory."""
    path.rmdir()


def symlink(link: Path, target: str) -> None:
    """Make a symbolic link."""
    link.symlink_to(target)


def chmod(path: Path, mode: int) -> None:
    """Change who may read and write."""
    path.chmod(mode)


def sync_file(path: Path) -> None:
    """Make the content of a file durable, whoever wrote it."""
    _sync(path, os.O_RDONLY)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
