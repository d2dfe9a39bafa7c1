"""Where things lie on the frame: one data directory, LIVEFRAME_HOME, that only the agent's user may read."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from device_agent.system import disk
from device_agent.system.files import disk_errors, make_directory

HOME_VARIABLE = "LIVEFRAME_HOME"
DEFAULT_HOME = Path("/var/lib/liveframe")
FOLDER_MODE = 0o700
FILE_MODE = 0o600


@dataclass(frozen=True)
class Home:
    """Names of everything the agent keeps; nothing is made until ``prepare``."""

    root: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Home":
        """Return the home that LIVEFRAME_HOME names, or /var/lib/liveframe."""
        variables = os.environ if environment is None else environment
        return cls(Path(variables.get(HOME_VARIABLE) or DEFAULT_HOME).absolute())

    @property
    def identity(self) -> Path:
        """Key, certificate, fleet CA and the server's address."""
        return self.root / "identity"

    @property
    def outbox(self) -> Path:
        """The telemetry that the server has not acknowledged yet."""
        return self.root / "outbox.sqlite"

    @property
    def complaints(self) -> Path:
        """Complaints that the server does not have yet, one folder each."""
        return self.root / "complaints"

    @property
    def update(self) -> Path:
        """Trusted metadata, journal and downloads of updates."""
        return self.root / "update"

    @property
    def trust_root(self) -> Path:
        """The root of the update metadata that was given at enrolment instead of the factory's."""
        return self.root / "trust-root.json"

    @property
    def director_root(self) -> Path:
        """The director's root that was given at enrolment instead of the factory's."""
        return self.root / "director-root.json"

    @property
    def models(self) -> Path:
        """The model slots A and B and the link to the active one."""
        return self.root / "models"

    @property
    def content(self) -> Path:
        """The slots A and B of the song packs and the link to the active one."""
        return self.root / "content"

    @property
    def firmware(self) -> Path:
        """The firmware slots A and B, the boot loader's variables and how this model of frame installs firmware."""
        return self.root / "firmware"

    @property
    def update_window(self) -> Path:
        """The hours in which a new version may be activated, where a person has chosen some."""
        return self.root / "update-window.json"

    @property
    def playing_lock(self) -> Path:
        """Held by everything that plays a video."""
        return self.root / "playing.lock"

    @property
    def clock_floor(self) -> Path:
        """The latest time that was known to be past."""
        return self.root / "clock.json"

    @property
    def agent_lock(self) -> Path:
        """Held by the one agent that runs on this home; holds its process id."""
        return self.root / "agent.lock"

    def prepare(self) -> "Home":
        """Make the data directory, private to its user."""
        make_directory(self.root)
        private_folder(self.root)
        return self


def private_folder(path: Path) -> Path:
    """Make ``path`` if it is missing and let nobody but its owner in."""
    make_directory(path)
    with disk_errors(f"cannot protect {path}"):
        if path.stat().st_mode & 0o777 != FOLDER_MODE:
            disk.chmod(path, FOLDER_MODE)
    return path
