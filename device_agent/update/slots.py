"""Two slots, ``a`` and ``b``, and the link ``active``: an update fills the spare and swaps one link."""

from pathlib import Path

from device_agent.errors import StorageError
from device_agent.system import files

NAMES = ("a", "b")
ACTIVE = "active"


class Slots:
    """The directory of one place on a frame, models or song packs; the active slot is never written to."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def settle(self) -> None:
        """Make durable what a start that was killed has done here."""
        files.settle(self._directory)

    @property
    def link(self) -> Path:
        """The link that programs open the active version by."""
        return self._directory / ACTIVE

    def active(self) -> str | None:
        """Return the name of the active slot, or None where nothing is installed yet."""
        try:
            name = self.link.readlink().name
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{self.link} is not a link to a slot: {error.strerror}; delete it") from error
        return name if name in NAMES else None

    def spare(self) -> str:
        """Return the name of the slot that is not active."""
        return next(name for name in NAMES if name != self.active())

    def path(self, name: str) -> Path:
        """Return the directory of a slot."""
        return self._directory / name

    def prepare(self, name: str) -> Path:
        """Empty the slot ``name`` and return a fresh directory beside it, to be filled and committed."""
        if name == self.active():
            raise StorageError(f"the slot {name} is active; this is a fault of ours")
        staging = self._staging(name)
        files.make_directory(self._directory)
        files.remove_tree(self.path(name))
        files.remove_tree(staging)
        files.make_directory(staging)
        return staging

    def commit(self, name: str) -> None:
        """Give what ``prepare`` returned the name of its slot, everything in it durable."""
        files.replace_tree(self._staging(name), self.path(name))

    def activate(self, name: str | None) -> None:
        """Point the link at the slot ``name``; None takes the link away (nothing was installed before)."""
        if name is None:
            files.remove_file(self.link)
        elif self.active() != name:
            files.atomic_symlink(self.link, name)

    def _staging(self, name: str) -> Path:
        return self._directory / (name + files.TEMPORARY_SUFFIX)
