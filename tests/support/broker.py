"""A real mosquitto with TLS, client certificates and the access rules of docs/protocol.md."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.pki import Authority

START_SECONDS = 10
ACCESS = """
pattern write liveframe/v1/frames/%u/telemetry
pattern write liveframe/v1/frames/%u/status
pattern read liveframe/v1/frames/%u/ack
pattern read liveframe/v1/frames/%u/command
user fleet-server
topic readwrite liveframe/v1/frames/#
"""


def free_port() -> int:
    """Return a TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """One broker on one port, which survives restarts and kills of its process."""

    def __init__(self, folder: Path, authority: Authority, *, persistent: bool = False) -> None:
        self.port = free_port()
        self.host = "127.0.0.1"
        self.authority = authority
        self._config = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "access").write_text(ACCESS)
        pair = authority.server()
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nuser root\nallow_anonymous false\n"
            f"cafile {authority.file}\ncertfile {pair.certificate}\nkeyfile {pair.key}\n"
            f"require_certificate true\nuse_identity_as_username true\nacl_file {folder / 'access'}\n"
            f"persistence {'true' if persistent else 'false'}\npersistence_location {folder}/\nautosave_interval 1\n"
        )
        self._log = folder / "mosquitto.log"

    def start(self) -> "Mosquitto":
        """Start, and wait until the port answers."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.fail("mosquitto is not installed; run: apt-get install mosquitto")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(self._config)], stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return self
            time.sleep(0.05)
        self.stop()
        pytest.fail(f"mosquitto does not answer on port {self.port}:\n{self._log.read_text()}")

    def kill(self) -> None:
        """End the broker as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End the broker properly."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=START_SECONDS)
            self._process = None
