"""docs/runbooks/certificates.md, run as it is written: real servers, a real broker, a frame awake and one asleep."""

import json
import os
import re
import shlex
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from device_agent.system import identity
from device_agent.system.home import Home
from device_agent.telemetry.outbox import Outbox
from fleet_server.cli import main
from fleet_server.pki.store import CaStore
from frame_protocol.telemetry import Fault
from tests.support.repository import PASSWORD
from tests.support.running_fleet import RunningFleet
from tests.support.waiting import until

PAGE = Path(__file__).resolve().parents[2] / "docs" / "runbooks" / "certificates.md"
PATIENCE_SECONDS = 60


def lines_of(title: str) -> list[str]:
    """Return the commands of a section."""
    sections = dict(part.split("\n", 1) for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:])
    return [
        line for block in re.findall(r"```sh\n(.*?)```", sections[title], re.DOTALL) for line in block.splitlines()
    ]


def run_section(title: str) -> None:
    lines = lines_of(title)
    assert lines
    for line in lines:
        words = [os.path.expandvars(word) for word in shlex.split(line)]
        assert words[0] == "fleet-server"
        assert main(words[1:]) == 0, line


class Frame:
    """An enrolled home; ``wake`` runs the agent, as a process of its own."""

    def __init__(self, folder: Path, fleet: RunningFleet, serial: str) -> None:
        self.home = Home(folder)
        self.environment = {**os.environ, "LIVEFRAME_HOME": str(folder), "LIVEFRAME_LOG": "info"}
        self.log = folder.with_suffix(".log")
        self.process: subprocess.Popen | None = None
        root = fleet.data_dir.parent / "ceremony" / "frames" / "root.json"
        answer = self.run("enrol", "--server", fleet.run["device_url"], "--claim-code", fleet.claim(), "--ca",
                          str(fleet.ca), "--trust-root", str(root), "--serial", serial)  # fmt: skip
        assert answer.returncode == 0, answer.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "device_agent.cli", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def wake(self, identity_every: float) -> None:
        command = [sys.executable, "-m", "device_agent.cli", "run", "--poll-every", "3600", "--health-every", "3600",
                   "--identity-every", str(identity_every)]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    def sleep(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    @property
    def known(self) -> identity.Record:
        return identity.load(self.home).record

    def delivers(self, code: str) -> None:
        """What the frame says reaches the server's database."""
        outbox = Outbox(self.home.outbox)
        outbox.append(Fault(code=code))
        outbox.close()
        answer = self.run("telemetry", "flush", "--json", "--timeout", str(PATIENCE_SECONDS))
        assert answer.returncode == 0, answer.stdout + answer.stderr + self.log.read_text()[-3000:]


@pytest.fixture
def fleet(tmp_path, monkeypatch) -> Iterator[RunningFleet]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY_PASSWORD", PASSWORD)
    monkeypatch.setenv("DATA", str(tmp_path / "data"))
    for line in (
        "init --data data",
        "keys ceremony --out ceremony --password-env KEY_PASSWORD",
        "keys install --data data --from ceremony",
    ):
        assert main(line.split()) == 0
    running = RunningFleet(tmp_path / "data").start()
    yield running
    running.stop()


@pytest.fixture
def frames(fleet, tmp_path) -> Iterator[tuple[Frame, Frame]]:
    awake, asleep = (Frame(tmp_path / name, fleet, f"CERT-{name}") for name in ("awake", "asleep"))
    awake.wake(0.5)
    asleep.delivers("good-night")
    yield awake, asleep
    for frame in (awake, asleep):
        frame.sleep()


def shown(port: int, ca: Path, client: identity.Identity | None = None) -> x509.Certificate:
    """Return the certificate that a server of the fleet presents to somebody who trusts ``ca``."""
    import socket

    context = ssl.create_default_context(cafile=str(ca))
    if client is not None:
        context.load_cert_chain(client.certificate_file, client.key_file)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        return x509.load_der_x509_certificate(secure.getpeercert(binary_form=True))


def presents(fleet: RunningFleet, ca: Path) -> bool:
    """Whether web server and broker both present a certificate of the CA in ``ca``."""
    try:
        for name in ("device_port", "broker_port"):
            shown(fleet.run["ports"][name], ca)
    except OSError:
        return False
    return True


def certificates_in(pems: str) -> int:
    return pems.count("BEGIN CERTIFICATE")


def test_a_rotation_loses_no_frame_awake_or_asleep(fleet, frames, tmp_path, capsys):
    awake, asleep = frames
    store = CaStore(fleet.data_dir / "ca")
    old = tmp_path / "old-ca.pem"
    old.write_bytes(store.ca_certificate.read_bytes())

    before = shown(fleet.run["ports"]["broker_port"], old).serial_number
    run_section("Renew the servers' certificates")
    until(lambda: broker_serial(fleet, old) not in (None, before), "the broker keeps its old certificate")
    awake.delivers("servers-renewed")

    assert main(["ca", "switch", "--data", str(fleet.data_dir)]) != 0
    run_section("Tell frames of the next CA")
    assert "frames will trust the fleet CA" in capsys.readouterr().out
    until(lambda: certificates_in(awake.known.ca_pem) == 2, "the frame awake does not hear of the next CA")
    assert presents(fleet, old)
    awake.delivers("told")

    run_section("Switch")
    new = store.ca_certificate
    until(lambda: presents(fleet, new) and not presents(fleet, old), "the servers keep the old CA")
    of_old = awake.known.certificate_pem
    awake.delivers("switched")
    assert awake.known.certificate_pem == of_old

    assert main(["ca", "retire", "--data", str(fleet.data_dir)]) != 0
    run_section("Retire the old CA")
    until(lambda: awake.known.certificate_pem != of_old, "the frame awake does not renew")
    assert awake.known.ca_pem == new.read_text()
    awake.delivers("retired")

    capsys.readouterr()
    assert main(["ca", "status", "--data", str(fleet.data_dir), "--json"]) == 0
    (only,) = json.loads(capsys.readouterr().out)["authorities"]
    assert (only["role"], only["told"], only["frames"]) == ("issues", True, 1)

    slept_with = asleep.known.certificate_pem
    assert asleep.run("update").returncode == 31
    assert asleep.known.ca_pem == old.read_text()
    asleep.wake(3600)
    until(lambda: asleep.known.ca_pem == new.read_text(), "the frame that slept does not find the new CA")
    until(lambda: asleep.known.certificate_pem != slept_with, "the frame that slept does not renew")
    asleep.delivers("good-morning")


def broker_serial(fleet: RunningFleet, ca: Path) -> int | None:
    try:
        return shown(fleet.run["ports"]["broker_port"], ca).serial_number
    except OSError:
        return None


def test_the_page_runs_every_command_of_the_rotation():
    page = PAGE.read_text(encoding="utf-8")
    for title in re.findall(r"^## (.*)$", page, re.MULTILINE):
        if title != "A frame that slept through all of it":
            assert lines_of(title)
