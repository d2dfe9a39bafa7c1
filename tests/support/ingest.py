"""The consumer as a child process that a test starts, kills and looks into."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.support.broker import Mosquitto
from tests.support.consumer import open_database

REPOSITORY = Path(__file__).resolve().parents[2]


class Consumer:
    """The server's ingest worker, in a process of its own."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.database = folder / "server.sqlite"
        pair = broker.authority.client("fleet-server")
        self._arguments = [broker.port, broker.authority.file, pair.certificate, pair.key]
        self._process: subprocess.Popen[str] | None = None
        open_database(self.database).close()

    def start(self) -> None:
        """Start, and wait until it says that it is ready."""
        command = [sys.executable, "-m", "tests.support.consumer", self.database, *self._arguments]
        self._process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def events(self) -> list[dict[str, object]]:
        """Return every event that is committed."""
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute("SELECT event FROM telemetry ORDER BY boot, seq").fetchall()
        return [json.loads(event)["event"] for (event,) in rows]

    def codes(self) -> list[str]:
        """Return the codes of the faults that are committed, sorted."""
        return sorted(str(event["code"]) for event in self.events() if event["type"] == "fault")
