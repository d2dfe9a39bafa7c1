"""RAUC's service for one frame, on a private session bus: what the frame's image brings as the system's."""

import os
import subprocess
from pathlib import Path

from tests.support.waiting import until

CONFIGURATION = """[system]
compatible={hardware}
bootloader=noop
bundle-formats={formats}
mountprefix={home}/mounts

[keyring]
path={certificate}

[slot.rootfs.0]
device={home}/slots/a
type=raw
bootname=a

[slot.rootfs.1]
device={home}/slots/b
type=raw
bootname=b
"""
PRODUCTION = "-plain"
"""What ``bundle-formats`` is on every frame that is sold."""
SLOT_BYTES = 4 << 20


class RaucService:
    """Bus and service, started from slot a; two slots of files, the second empty."""

    def __init__(self, home: Path, certificate: Path, hardware: str, formats: str) -> None:
        self.home = home
        for folder in ("slots", "mounts"):
            (home / folder).mkdir(parents=True)
        (home / "slots" / "a").write_bytes(b"the firmware that runs")
        (home / "slots" / "b").write_bytes(bytes(SLOT_BYTES))
        self.configuration = home / "system.conf"
        self.configuration.write_text(
            CONFIGURATION.format(home=home, certificate=certificate, hardware=hardware, formats=formats)
        )
        self._start_bus()
        self._start_service()

    def stop(self) -> None:
        """End both."""
        for process in (self._service, self._bus):
            process.terminate()
            process.wait(30)

    def _start_bus(self) -> None:
        command = ["dbus-daemon", "--session", "--nofork", "--print-address=1", f"--address=unix:dir={self.home}"]
        with (self.home / "bus.log").open("wb") as log:
            self._bus = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._bus.stdout is not None
        self.address = self._bus.stdout.readline().strip()

    def _start_service(self) -> None:
        environment = {
            **os.environ,
            "DBUS_STARTER_BUS_TYPE": "session",
            "DBUS_SESSION_BUS_ADDRESS": self.address,
        }
        command = ["rauc", "service", f"--conf={self.configuration}", "--override-boot-slot=a"]
        with (self.home / "rauc.log").open("wb") as log:
            self._service = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.home)
        status = ["rauc", "status"]
        until(
            lambda: subprocess.run(status, env=environment, capture_output=True, check=False).returncode == 0,
            "RAUC's service does not answer",
        )
