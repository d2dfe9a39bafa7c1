"""Keeps mosquitto running and its access rules equal to what the database says."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import OperationalError

from fleet_server import logs
from fleet_server.broker import account, settings
from fleet_server.config import Config
from fleet_server.db import Database
from fleet_server.devices import service
from fleet_server.errors import BrokerError
from fleet_server.pki import files
from fleet_server.pki.store import INGEST_NAME, CaStore

READY_SECONDS = 15.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05
CHECK_SECONDS = 1.0
"""How soon a revocation reaches the broker."""
BACKOFF_SECONDS = 0.5

log = logs.get("broker")


class BrokerKeeper:
    """One mosquitto: ``start``, then ``check`` about once a second, then ``stop``."""

    def __init__(self, config: Config, database: Database) -> None:
        self._config = config
        self._database = database
        self._files = settings.BrokerFiles(config.broker_dir)
        self._store = CaStore(config.ca_dir)
        self._account = account.choose(config.broker_dir)
        self._process: subprocess.Popen[bytes] | None = None
        self._rules = ""
        self._revoked: object = None
        self._certificates: tuple[bytes, ...] = ()
        self._seen: tuple[bytes, ...] = ()

    @property
    def pid(self) -> int | None:
        """Process id of mosquitto while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Write the configuration, start mosquitto and wait until it answers over TLS."""
        self._write_configuration()
        self._apply_revocations()
        self._launch()

    def check(self) -> None:
        """Start mosquitto again if it died; apply new revocations."""
        if self._process is None or self._process.poll() is not None:
            log.error("broker.died", code=self._process.returncode if self._process else None)
            time.sleep(BACKOFF_SECONDS)
            self._launch()
        if self._new_certificates():
            log.warning("broker.restarted_for_certificates")
            self.stop()
            self._launch()
        elif self._new_revocations():
            # A reload alone keeps the old revocation list and the open connections; sessions are on disk, so a
            # restart costs the fleet one reconnect and revokes for certain.
            log.warning("broker.restarted_for_revocation")
            self.stop()
            self._launch()

    def _new_revocations(self) -> bool:
        """Apply what was revoked; the broker goes on with the rules it has while the database is away."""
        try:
            return self._apply_revocations()
        except OperationalError as error:
            log.error("broker.database_away", error=type(error.orig).__name__)
            return False

    def _new_certificates(self) -> bool:
        """Take over certificates that were renewed or rotated, once they lie still: they are several files."""
        now, before = self._material(), self._seen
        self._seen = now
        if now == self._certificates or now != before:
            return False
        self._write_configuration()
        self._revoked = None
        if self._new_revocations():
            return True
        self._certificates = ()  # without its revocation list a CA's certificates are refused: tried again
        return False

    def _material(self) -> tuple[bytes, ...]:
        """Return what mosquitto's TLS is made of."""
        paths = (self._store.trusted, self._store.certificate("server"), self._store.key("server"))
        return tuple(path.read_bytes() for path in paths)

    def stop(self) -> None:
        """Stop mosquitto; it writes its sessions to disk."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _write_configuration(self) -> None:
        """Write everything mosquitto reads into its own directory."""
        directory = self._files.directory
        directory.mkdir(mode=files.DIRECTORY_MODE, parents=True, exist_ok=True)
        root_stays = os.geteuid() == 0 and self._account is None
        if root_stays:
            log.warning("broker.runs_as_root", directory=str(directory))
        self._store.write_trusted()
        self._certificates = self._material()
        for path, data in zip(
            (self._files.ca, self._files.certificate, self._files.key), self._certificates, strict=True
        ):
            files.write(path, data)
        text = settings.configuration(
            self._files,
            frames_bind=self._config.broker_bind,
            frames_port=self._config.broker_port,
            server_port=self._config.broker_server_port,
            user="root" if root_stays else None,
        )
        files.write(self._files.configuration, text.encode())

    def _apply_revocations(self) -> bool:
        """Bring revocation list and access rules up to date; True when they changed."""
        with self._database.reading() as session:
            serials, frames = service.revoked(session)
        wanted = (serials, frames)
        if wanted == self._revoked:
            return False
        self._store.write_crl(serials)
        files.write(self._files.crl, self._store.crl.read_bytes())
        files.write(self._files.rules, settings.access_rules([INGEST_NAME], frames).encode())
        if self._account:
            account.hand_over(self._files.directory, self._account)
        self._revoked = wanted
        return True

    def _launch(self) -> None:
        """Start the child: it dies with this process, under its own account where that is possible."""
        program = find_mosquitto()
        command = ["setpriv", "--pdeathsig", "TERM"]
        if self._account:
            command += [f"--reuid={self._account.uid}", f"--regid={self._account.gid}", "--clear-groups"]
        command += ["--", program, "-c", str(self._files.configuration)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=self._files.directory)
        for port in (self._config.broker_port, self._config.broker_server_port):
            wait_for(lambda port=port: self._answers(port), READY_SECONDS, f"mosquitto on port {port}")  # type: ignore[misc]
        log.info("broker.ready", port=self._config.broker_port, pid=self._process.pid)

    def _answers(self, port: int) -> bool:
        """Whether a TLS handshake with the broker succeeds."""
        if self._process is None or self._process.poll() is not None:
            raise BrokerError(f"mosquitto ended with code {self._process.returncode if self._process else None}")
        context = ssl.create_default_context(cafile=str(self._store.trusted))
        context.load_cert_chain(self._store.certificate("ingest"), self._store.key("ingest"))
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=1) as plain,
                context.wrap_socket(plain, server_hostname="localhost"),
            ):
                return True
        except OSError:
            return False


def find_mosquitto() -> str:
    """Return the path of mosquitto, which Debian puts outside a user's PATH."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise BrokerError("mosquitto is not installed; run: apt-get install mosquitto")
    return str(Path(found))


def wait_for(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until ``ready``; raise BrokerError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise BrokerError(f"{what} did not become ready within {seconds:.0f} s; its log is above")
        time.sleep(POLL_SECONDS)
