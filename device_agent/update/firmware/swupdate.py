"""Installs a ``.swu`` with Debian's SWUpdate, which verifies signature, hash, hardware and revision itself."""

import os
from pathlib import Path

from device_agent.errors import StorageError, UpdateFailed
from device_agent.system import disk, files
from device_agent.update.firmware import container, tool
from device_agent.update.firmware.settings import Settings

QUIET = "2"
"""Log level: errors and warnings."""
WORDS = tool.Words("ERROR :", "[INFO ] : SWUPDATE successful ! SWUPDATE successful !")
"""The part that installs says how it went. The part that waits for it can miss the result and end with 1 after a
success: version 2022.12 does so in one run of four on a busy machine."""


class SWUpdate:
    """SWUpdate started for one image; it runs in the folder of the slots, by whose names the image calls them."""

    def __init__(self, folder: Path, settings: Settings, hardware: str) -> None:
        self._folder = folder
        self._settings = settings
        self._hardware = hardware

    def install(self, image: Path, slot: str) -> None:
        """Fill ``slot``, durably, and compare what lies there with the image.

        The socket by which SWUpdate can be watched is made in a folder of its own: two frames on one machine do not
        meet.
        """
        target = self._folder / "slots" / slot
        if not target.exists():
            files.atomic_write(target, b"")
        scratch = self._folder / "swupdate"
        files.remove_tree(scratch)
        files.make_directory(scratch)
        tool.run(self._command(image, slot), self._folder, {**os.environ, "TMPDIR": str(scratch)}, WORDS)
        with files.disk_errors(f"cannot sync {target}"):
            disk.sync_file(target)
        wrong = container.differs(image, target)
        if wrong is not None:
            raise StorageError(f"{wrong}, although SWUpdate reported success; it is tried again")

    def counter(self, image: Path) -> int:
        """Return the counter that the image carries; SWUpdate verifies the description that says it."""
        return container.counter(image)

    def _command(self, image: Path, slot: str) -> list[str]:
        certificate = Path(self._settings.certificate)
        if not certificate.is_file():
            raise UpdateFailed(f"{certificate} is missing: without it no firmware can be verified")
        command = ["swupdate", "-l", QUIET, "-i", str(image), "-k", str(certificate)]
        return [*command, "-e", f"slots,{slot}", "-H", f"{self._hardware}:{self._settings.revision}"]
