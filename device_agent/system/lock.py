"""One agent per home: a lock that the kernel drops when its process dies, so that it is never stale."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from device_agent.errors import AgentError
from device_agent.system.files import disk_errors
from device_agent.system.home import Home


class AlreadyRunning(AgentError):
    """Another process holds the lock."""


@contextlib.contextmanager
def exclusive(path: Path, *, purpose: str) -> Iterator[None]:
    """Hold the lock at ``path`` for the block; raises AlreadyRunning, naming the holder, when another has it."""
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(
                f"{purpose}: process {_read_pid(descriptor)} already works on {path.parent}; stop it first, or wait"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold the lock at ``path`` together with other sharers; waits while someone holds it alone."""
    yield from _blocking(path, fcntl.LOCK_SH)


@contextlib.contextmanager
def playing(home: Home) -> Iterator[None]:
    """Say for the block that a video plays; without a data directory there is nobody to say it to."""
    if home.root.is_dir():
        with shared(home.playing_lock):
            yield
    else:
        yield


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock at ``path`` alone; waits until the others are done."""
    yield from _blocking(path, fcntl.LOCK_EX)


def is_held(path: Path) -> bool:
    """Tell whether anybody holds the lock at ``path``, alone or with others."""
    if not path.exists():
        return False
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(path: Path) -> int | None:
    """Return the process id of who holds the exclusive lock at ``path``, or None when it is free."""
    if not path.exists():
        return None
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_pid(descriptor)
    finally:
        os.close(descriptor)
    return None


def _blocking(path: Path, kind: int) -> Iterator[None]:
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    with disk_errors(f"cannot open the lock {path}"):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _read_pid(descriptor: int) -> int:
    text = os.pread(descriptor, 20, 0)
    return int(text) if text.isdigit() else 0
