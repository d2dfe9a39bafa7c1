"""A whole fleet server as its users start it: ``fleet-server serve`` in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from fleet_server import config as settings
from fleet_server import lifeline
from fleet_server.auth import service as accounts
from fleet_server.auth.permissions import Role
from fleet_server.config import Config
from fleet_server.db import Database
from fleet_server.devices import claims
from tests.support.simulated_frame import FrameSimulator, Identity, enrol

START_SECONDS = 60.0
STOP_SECONDS = 30.0


class RunningFleet:
    """Started on free ports in a data directory that ``fleet-server init`` made."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._frames = 0

    def start(self) -> "RunningFleet":
        command = [sys.executable, "-m", "fleet_server.cli", "serve", "--data", str(self.data_dir)]
        command += ["--port", "0", "--device-port", "0", "--broker-port", "0"]
        self.log = self.data_dir.parent / "serve.log"
        environment = {**os.environ, "FLEET_ENROL_ATTEMPTS_PER_MINUTE": "1000", lifeline.PARENT: str(os.getpid())}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        deadline = time.monotonic() + START_SECONDS
        while not (self.data_dir / "run.json").exists():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-4000:]
            time.sleep(0.05)
        return self

    @property
    def run(self) -> dict[str, Any]:
        return json.loads((self.data_dir / "run.json").read_text())

    @property
    def config(self) -> Config:
        return settings.load(self.data_dir, {})

    @property
    def database(self) -> Database:
        return Database(self.config.url)

    @property
    def ca(self) -> Path:
        return self.data_dir / "ca" / "ca.pem"

    def claim(self) -> str:
        with self.database.transaction() as session:
            return claims.create(session, "test", self.config.secret(claims.CLAIM_KEY), 1)[0]

    def enrolled(self) -> Identity:
        self._frames += 1
        return enrol(self.run["device_url"], self.ca, self.claim(), f"SER-{self._frames:05d}")

    def frame(self) -> FrameSimulator:
        """A frame that is enrolled and connected."""
        frame = FrameSimulator(self.enrolled()).start()
        assert frame.connected.wait(15)
        return frame

    def api(self, role: Role) -> httpx.Client:
        """A client with an API token of this role."""
        with self.database.transaction() as session:
            token = accounts.create_token(session, "test", f"{role}-{time.monotonic_ns()}", role)
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.run["people_url"], headers=headers, timeout=20)

    def kill(self, name: str) -> int:
        """kill -9 one child; return the process id it had."""
        pid = self.mosquitto() if name == "mosquitto" else int(self.run["pids"][name])
        os.kill(pid, signal.SIGKILL)
        return pid

    def mosquitto(self) -> int:
        """Process id of the broker itself."""
        keeper = psutil.Process(self.run["pids"]["broker"])
        return next(child.pid for child in keeper.children() if child.name() == "mosquitto")

    def family(self) -> list[psutil.Process]:
        """Every process below ``serve``."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)
