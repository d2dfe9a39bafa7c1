"""The boot loader's variables in a file of one line of JSON, whole at every moment.

A stand-in for U-Boot's environment: a real boot loader's variables come in behind ``BootVariables``.
"""

from pathlib import Path
from typing import Protocol

import msgspec

from device_agent.errors import StorageError
from device_agent.system import files
from device_agent.update.firmware.boot import SLOTS, Variables


class BootVariables(Protocol):
    """Where the boot loader's variables are kept."""

    def load(self) -> Variables:
        """Return what is stored."""
        ...

    def save(self, variables: Variables) -> None:
        """Store them, durably and all at once."""
        ...


class VariablesFile:
    """The variables in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Variables:
        """Return what is stored; a frame that was never updated starts its first slot."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=Variables)
        except FileNotFoundError:
            return Variables()
        except (OSError, msgspec.MsgspecError) as error:
            raise StorageError(f"{self._path}: {error}; expected the boot variables, delete the file") from error
        if found.slot not in SLOTS:
            raise StorageError(f"{self._path}: slot {found.slot!r}, expected one of {', '.join(SLOTS)}")
        return found

    def save(self, variables: Variables) -> None:
        """Store them: written beside, synced, renamed."""
        if variables != self.load():
            files.atomic_write(self._path, msgspec.json.encode(variables))
