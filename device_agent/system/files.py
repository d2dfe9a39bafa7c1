"""Writes that survive a power cut: content first, then its name, then the directory that holds the name.

A file made here is, after any interruption, either the old one or the new one, whole. An error of the disk becomes
StorageError at this border.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from device_agent.errors import StorageError
from device_agent.system import disk

COPY_BYTES = 1 << 20
TEMPORARY_SUFFIX = ".new"
"""A name with this suffix is an unfinished write; whoever finds one may delete it."""


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Translate an operating-system error inside the block into StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{what}: {error.strerror or error}; check that the disk has free space and is not read-only"
        ) from error


def make_directory(directory: Path) -> None:
    """Create ``directory`` and its missing parents, each name durable."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    with disk_errors(f"cannot create {directory}"):
        with contextlib.suppress(FileExistsError):
            disk.mkdir(directory)
        disk.sync_directory(directory.parent)


def settle(directory: Path) -> None:
    """Make durable what a process that was killed has named in ``directory``, and the directory's own name.

    What such a process has not synced is there for the next one to see, and would be lost with the power.
    """
    if directory.is_dir():
        with disk_errors(f"cannot sync {directory}"):
            disk.sync_directory(directory.parent)
            disk.sync_directory(directory)


def atomic_write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``data``: write beside it, fsync, rename, fsync the directory."""
    make_directory(path.parent)
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    with disk_errors(f"cannot write {path}"):
        try:
            with disk.create(temporary, mode=mode) as file:
                file.write(data)
                file.sync()
        except OSError:
            _unlink_if_there(temporary)
            raise
        disk.rename(temporary, path)
        disk.sync_directory(path.parent)


def copy(source: Path, target: Path, *, mode: int = disk.FILE_MODE) -> None:
    """Copy a file; the caller makes it durable (``sync_tree``, ``replace_tree``)."""
    with disk_errors(f"cannot copy {source} to {target}"):
        make_directory(target.parent)
        with source.open("rb") as file, disk.create(target, mode=mode) as out:
            while block := file.read(COPY_BYTES):
                out.write(block)


def atomic_symlink(link: Path, target: str) -> None:
    """Point ``link`` at ``target``: there is no moment at which the link is missing."""
    temporary = link.with_name(link.name + TEMPORARY_SUFFIX)
    with disk_errors(f"cannot point {link} at {target}"):
        _unlink_if_there(temporary)
        disk.symlink(temporary, target)
        disk.rename(temporary, link)
        disk.sync_directory(link.parent)


def sync_tree(directory: Path) -> None:
    """Make every file and name below ``directory`` durable."""
    with disk_errors(f"cannot sync {directory}"):
        for folder, _, names in os.walk(directory):
            for name in names:
                disk.sync_file(Path(folder) / name)
            disk.sync_directory(Path(folder))


def remove_tree(directory: Path) -> None:
    """Delete ``directory`` and all below it, durably; a missing one is fine, and so is help from another process."""
    if not directory.exists():
        return
    with disk_errors(f"cannot delete {directory}"):
        for folder, folders, names in os.walk(directory, topdown=False):
            for name in [*names, *folders]:
                _remove(Path(folder) / name)
        _remove(directory)
        disk.sync_directory(directory.parent)


def replace_tree(new: Path, path: Path) -> None:
    """Give the finished directory ``new`` the name ``path``, deleting what had that name."""
    sync_tree(new)
    remove_tree(path)
    with disk_errors(f"cannot rename {new} to {path}"):
        disk.rename(new, path)
        disk.sync_directory(path.parent)


def remove_file(path: Path) -> None:
    """Delete ``path`` durably; a missing one is fine."""
    with disk_errors(f"cannot delete {path}"):
        if _unlink_if_there(path):
            disk.sync_directory(path.parent)


def _unlink_if_there(path: Path) -> bool:
    """Delete a file or a link, whether or not it leads anywhere; tell whether there was one."""
    if not path.exists() and not path.is_symlink():
        return False
    disk.unlink(path)
    return True


def _remove(path: Path) -> None:
    """Delete a file, a link or an empty directory."""
    with contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            disk.rmdir(path)
        else:
            disk.unlink(path)
