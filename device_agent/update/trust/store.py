"""Trusted metadata on disk: the current file of each role, and every root that was ever trusted."""

from pathlib import Path
from urllib.parse import quote

from device_agent.system import files

ROOT_HISTORY = "root_history"


class MetadataStore:
    """A directory; every write is whole or not there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def load(self, role: str) -> bytes | None:
        """Return the stored metadata of ``role``, or None."""
        return _read(self._path(role))

    def save(self, role: str, data: bytes) -> None:
        """Replace the stored metadata of ``role``."""
        files.atomic_write(self._path(role), data)

    def load_root(self, version: int) -> bytes | None:
        """Return the stored root of that version, or None."""
        return _read(self._root_path(version))

    def save_root(self, version: int, data: bytes) -> None:
        """Keep a root for ever: the walk from the factory's root then needs no network."""
        if self.load_root(version) != data:
            files.atomic_write(self._root_path(version), data)

    def set_current_root(self, data: bytes) -> None:
        """Make ``data`` the root that ``root.json`` shows."""
        if self.load("root") != data:
            self.save("root", data)

    def _path(self, role: str) -> Path:
        return self._directory / f"{quote(role, safe='')}.json"

    def _root_path(self, version: int) -> Path:
        return self._directory / ROOT_HISTORY / f"{version}.root.json"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
