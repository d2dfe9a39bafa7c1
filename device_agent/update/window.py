"""The frame's maintenance window on disk: two times of day, or no file: then any hour is right."""

from datetime import time
from pathlib import Path

import msgspec

from device_agent.errors import StorageError, UpdateFailed
from device_agent.system import files
from device_agent.update.permission import Window


class Stored(msgspec.Struct, frozen=True):
    """Content of ``update-window.json``."""

    start: str
    end: str


def load(path: Path) -> Window | None:
    """Return the window, or None when there is none; a damaged file is none: it must not hold updates back."""
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=Stored)
        return Window(time.fromisoformat(stored.start), time.fromisoformat(stored.end))
    except (FileNotFoundError, msgspec.MsgspecError, ValueError):
        return None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}; check the disk") from error


def parse(text: str) -> Window:
    """Read ``02:00-05:00``; raises UpdateFailed when it is something else."""
    start, dash, end = text.partition("-")
    try:
        window = Window(time.fromisoformat(start), time.fromisoformat(end))
    except ValueError:
        dash = ""
    if not dash or window.start == window.end or window.start.tzinfo or window.end.tzinfo:
        raise UpdateFailed(f"a window is two different times of day such as 02:00-05:00, got {text!r}")
    return window


def save(path: Path, window: Window | None) -> None:
    """Store the window, durably; None removes it."""
    if window is None:
        files.remove_file(path)
    else:
        stored = Stored(start=window.start.isoformat("minutes"), end=window.end.isoformat("minutes"))
        files.atomic_write(path, msgspec.json.encode(stored))
