"""The agent as a program: it reports, follows hints, ends cleanly, and comes back after kill -9."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device_agent.complaints.spool import Filing, Spool
from device_agent.system.active_model import ActiveModel
from device_agent.system.home import Home
from device_agent.telemetry.outbox import Outbox
from frame_protocol.complaints import ComplaintKind
from frame_protocol.telemetry import Fault
from tests.support.broker import Mosquitto
from tests.support.frame import enrolled_home
from tests.support.ingest import Consumer
from tests.support.server import FleetServer
from tests.support.waiting import PATIENCE_SECONDS, until


@pytest.fixture
def server(mosquitto: Mosquitto) -> Iterator[FleetServer]:
    running = FleetServer(mosquitto.authority)
    yield running
    running.close()


@pytest.fixture
def home(tmp_path: Path, mosquitto: Mosquitto, server: FleetServer) -> Home:
    return enrolled_home(tmp_path / "home", mosquitto.authority, mqtt_port=mosquitto.port, server=server.url)


@pytest.fixture
def consumer(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Consumer]:
    worker = Consumer(tmp_path, mosquitto)
    worker.start()
    yield worker
    worker.kill()


@pytest.fixture
def start(home: Home, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start the agent; what still runs in the end is killed."""
    running: list[subprocess.Popen[bytes]] = []

    def start_one(**environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "device_agent.cli", "run", "--health-every", "1", "--complaints-every", "1"]
        with (tmp_path / "agent.log").open("ab") as log:
            process = subprocess.Popen(
                command, env={**os.environ, "LIVEFRAME_HOME": str(home.root), **environment}, stderr=log
            )
        running.append(process)
        return process

    yield start_one
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_the_agent_reports_its_health_sends_complaints_and_ends_cleanly(
    home: Home, consumer: Consumer, server: FleetServer, start, tmp_path: Path
):
    (tmp_path / "v.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (tmp_path / "v.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    filing = Filing(ComplaintKind.OTHER, "", True, tmp_path / "v.mp4", tmp_path / "v.wav")
    Spool(home).file(filing, ActiveModel("nano-1", "0" * 64))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_SECONDS)
        agent = start(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        assert systemd.recv(100) == b"READY=1"
        assert systemd.recv(100) == b"WATCHDOG=1"
        until(lambda: [event["type"] for event in consumer.events()].count("health") >= 2, "no health arrived")
        until(lambda: len(server.files) == 2, "the complaint did not arrive")
        begun = time.monotonic()
        agent.terminate()
        assert agent.wait(PATIENCE_SECONDS) == 0
        assert time.monotonic() - begun < 10
    lines = [json.loads(line) for line in (tmp_path / "agent.log").read_text().splitlines() if line.startswith("{")]
    assert lines[-1]["event"] == "agent_stopped"
    assert lines[-1]["late"] == []


def test_kill_9_of_the_agent_while_publishing_loses_and_doubles_nothing(home: Home, consumer: Consumer, start):
    outbox = Outbox(home.outbox)
    expected = []
    for generation in range(3):
        for number in range(120):
            code = f"{generation}-{number:03d}"
            expected.append(code)
            outbox.append(Fault(code=code))
        agent = start()
        some = len(expected) - 110
        until(lambda some=some: len(consumer.codes()) > some, "nothing arrived")
        agent.send_signal(signal.SIGKILL)
        agent.wait()
    agent = start()
    until(lambda: len(consumer.codes()) == len(expected), "rows are missing")
    until(lambda: outbox.depth() <= 1, "the outbox does not empty")
    agent.terminate()
    assert agent.wait(PATIENCE_SECONDS) == 0
    assert consumer.codes() == expected


def test_a_second_agent_on_the_same_home_is_told_to_go(home: Home, start):
    first = start()
    until(lambda: (home.root / "agent.lock").exists() and (home.root / "agent.lock").read_text() != "", "no lock")
    assert start().wait(PATIENCE_SECONDS) == 1
    assert first.poll() is None


def test_flush_beside_the_agent_asks_the_agent(home: Home, consumer: Consumer, start):
    start()
    until(lambda: bool(consumer.events()), "nothing arrived")
    for number in range(50):
        Outbox(home.outbox).append(Fault(code=f"{number:02d}"))
    flush = subprocess.run(
        [sys.executable, "-m", "device_agent.cli", "telemetry", "flush", "--json"],
        env={**os.environ, "LIVEFRAME_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert flush.returncode == 0, flush.stderr
    assert len(consumer.codes()) == 50


def test_a_frame_that_is_not_enrolled_does_not_run(tmp_path: Path):
    result = subprocess.run(
        [sys.executable, "-m", "device_agent.cli", "run"],
        env={**os.environ, "LIVEFRAME_HOME": str(tmp_path / "nobody")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 30
    assert "device-agent enrol" in result.stderr
