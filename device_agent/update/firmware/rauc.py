"""Installs a ``.raucb`` with Debian's RAUC, a service on D-Bus that this frame's image starts and configures.

A bundle must be ``verity``: a ``plain`` one is verified once and mounted afterwards, so what is mounted need not be
what was verified (and above 2 GiB, CVE-2026-34155, it was not even read whole). RAUC's own configuration says the
same (``bundle-formats=-plain``); it is checked here as well, before RAUC is asked.
"""

import os
import re
from pathlib import Path

import msgspec

from device_agent.errors import StorageError, UpdateFailed
from device_agent.system import disk, files
from device_agent.update.firmware import boot, tool
from device_agent.update.firmware.settings import Settings

_BUILD = re.compile(r"^Build:\s*'([1-9][0-9]{0,15})'", re.MULTILINE)
_FORMAT = re.compile(r"^Bundle Format:\s*(\S+)", re.MULTILINE)
WORDS = tool.Words("rror")
"""RAUC's complaints hold "Error" or "error"."""


class Status(msgspec.Struct, frozen=True):
    """What is read of ``rauc status --output-format=json``."""

    booted: str = ""


class Rauc:
    """The RAUC service of this frame."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings

    def install(self, image: Path, slot: str) -> None:
        """Fill ``slot``, durably; RAUC chooses it, so that it must agree with us on which one runs."""
        found = self.format_of(image)
        if found != "verity" and not (found == "plain" and self._settings.plain_bundles):
            raise UpdateFailed(
                f"a {found} bundle came; only verity bundles are installed, build one with --format verity"
            )
        booted = self._status().booted
        if booted != boot.other(slot):
            raise StorageError(f"RAUC says that slot {booted!r} runs, the boot loader says {boot.other(slot)!r}")
        self._run("install", str(image))
        target = self._folder / "slots" / slot
        with files.disk_errors(f"cannot sync {target}"):
            disk.sync_file(target)

    def counter(self, image: Path) -> int:
        """Return the counter that a bundle carries, whose signature is right; 0: none."""
        match = _BUILD.search(self._info(image))
        return int(match.group(1)) if match else 0

    def format_of(self, image: Path) -> str:
        """Return the format of a bundle whose signature is right; UpdateFailed for every other file."""
        match = _FORMAT.search(self._info(image))
        return match.group(1) if match else "unknown"

    def _info(self, image: Path) -> str:
        return self._run("info", f"--keyring={self._settings.certificate}", str(image))

    def _status(self) -> Status:
        said = self._run("status", "--output-format=json")
        try:
            return msgspec.json.decode(said[said.find("{") :].encode(), type=Status)
        except msgspec.MsgspecError as error:
            raise StorageError(f"rauc status did not answer in JSON: {error}; is its service running?") from error

    def _run(self, *arguments: str) -> str:
        environment = dict(os.environ)
        if self._settings.rauc_bus:
            environment["DBUS_STARTER_BUS_TYPE"] = "session"
            environment["DBUS_SESSION_BUS_ADDRESS"] = self._settings.rauc_bus
        return tool.run(["rauc", *arguments], self._folder, environment, WORDS)
