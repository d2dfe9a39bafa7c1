"""Writes that survive a power cut: content first, then its name, then the directory that holds the name.

A file made here is, after any interruption, either the old one or the new one, whole. An error of the disk becomes
StorageError at this border.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from device_agent.errors import StorageError

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


def sync_directory(directory: Path) -> None:
    """Make the names in ``directory`` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Create ``directory`` and its missing parents, each name durable."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    with disk_errors(f"cannot create {directory}"):
        directory.mkdir(exist_ok=True)
        sync_directory(directory.parent)


def atomic_write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``data``: write beside it, fsync, rename, fsync the directory."""
    make_directory(path.parent)
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    with disk_errors(f"cannot write {path}"):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        temporary.replace(path)
        sync_directory(path.parent)


def atomic_symlink(link: Path, target: str) -> None:
    """Point ``link`` at ``target``: there is no moment at which the link is missing."""
    temporary = link.with_name(link.name + TEMPORARY_SUFFIX)
    with disk_errors(f"cannot point {link} at {target}"):
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(link)
        sync_directory(link.parent)


def sync_tree(directory: Path) -> None:
    """Make every file and name below ``directory`` durable."""
    with disk_errors(f"cannot sync {directory}"):
        for folder, _, names in os.walk(directory):
            for name in names:
                descriptor = os.open(Path(folder) / name, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            sync_directory(Path(folder))


def remove_tree(directory: Path) -> None:
    """Delete ``directory`` and all below it, durably; a missing one is fine."""
    if not directory.exists():
        return
    with disk_errors(f"cannot delete {directory}"):
        shutil.rmtree(directory)
        sync_directory(directory.parent)


def replace_tree(new: Path, path: Path) -> None:
    """Give the finished directory ``new`` the name ``path``, deleting what had that name."""
    sync_tree(new)
    remove_tree(path)
    with disk_errors(f"cannot rename {new} to {path}"):
        new.rename(path)
        sync_directory(path.parent)


def remove_file(path: Path) -> None:
    """Delete ``path`` durably; a missing one is fine."""
    with disk_errors(f"cannot delete {path}"):
        if path.exists():
            path.unlink()
            sync_directory(path.parent)
