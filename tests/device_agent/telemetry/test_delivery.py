"""From outbox to database over a real broker: each row arrives exactly once whoever dies on the way."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_agent.system import identity
from device_agent.system.home import Home
from device_agent.telemetry.outbox import Outbox
from device_agent.telemetry.service import TelemetryService
from frame_protocol import codec, topics
from frame_protocol.telemetry import Ack, Command, CommandKind, Fault, Presence
from tests.support.broker import Mosquitto
from tests.support.frame import enrolled_home
from tests.support.ingest import Consumer
from tests.support.observer import Observer
from tests.support.pki import Authority

PATIENCE_SECONDS = 30


class Agent:
    """The telemetry worker on a home, in this process."""

    def __init__(self, home: Home) -> None:
        self.outbox = Outbox(home.outbox)
        self._stop = threading.Event()
        self.commands: list[str] = []
        self.service = TelemetryService(
            self.outbox,
            identity.load(home),
            home,
            boot=self.outbox.begin_boot(),
            on_command=lambda kind: self.commands.append(kind.value),
        )
        self._thread = threading.Thread(target=self.service.run, args=(self._stop,))

    def start(self) -> "Agent":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        self.outbox.close()


@pytest.fixture
def consumer(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Consumer]:
    worker = Consumer(tmp_path, mosquitto)
    yield worker
    worker.kill()


@pytest.fixture
def home(tmp_path: Path, mosquitto: Mosquitto) -> Home:
    return enrolled_home(tmp_path / "home", mosquitto.authority, mqtt_port=mosquitto.port)


def report(outbox: Outbox, begin: int, end: int) -> None:
    for number in range(begin, end):
        outbox.append(Fault(code=f"{number:05d}"))


def expected(count: int) -> list[str]:
    return [f"{number:05d}" for number in range(count)]


def wait_until_empty(outbox: Outbox, service: TelemetryService | None = None) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while outbox.depth():
        assert time.monotonic() < deadline, f"{outbox.depth()} rows are left"
        time.sleep(0.5)
        if service is not None:
            service.publish_now()


def wait_for(consumer: Consumer, count: int, service: TelemetryService | None = None) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    rounds = 0
    while len(consumer.codes()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        rounds += 1
        if service is not None and rounds % 50 == 0:
            service.publish_now()


def flush(home: Home, timeout: float = PATIENCE_SECONDS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "device_agent.cli", "telemetry", "flush", "--json", "--timeout", str(timeout)],
        env={**os.environ, "LIVEFRAME_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_flush_ends_when_the_server_has_committed_everything(home: Home, consumer: Consumer):
    consumer.start()
    outbox = Outbox(home.outbox)
    report(outbox, 0, 550)
    result = flush(home)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["left"] == 0
    assert outbox.depth() == 0
    assert consumer.codes() == expected(550)


def test_flush_says_31_when_only_the_broker_has_it(home: Home, consumer: Consumer):
    outbox = Outbox(home.outbox)
    report(outbox, 0, 5)
    result = flush(home, timeout=2)
    assert result.returncode == 31
    assert outbox.depth() == 5
    consumer.start()
    assert flush(home).returncode == 0
    assert consumer.codes() == expected(5)


def test_flush_beside_a_running_link_reports_of_other_processes_go_out_too(home: Home, consumer: Consumer):
    consumer.start()
    agent = Agent(home).start()
    other = Outbox(home.outbox)
    report(other, 0, 20)
    wait_until_empty(other)
    agent.stop()
    assert consumer.codes() == expected(20)


def test_kill_9_of_the_consumer_loses_and_doubles_nothing(home: Home, consumer: Consumer):
    consumer.start()
    agent = Agent(home).start()
    writer = threading.Thread(target=report, args=(agent.outbox, 0, 300))
    writer.start()
    for so_far in (30, 100, 180):
        wait_for(consumer, so_far, agent.service)
        consumer.kill()
        consumer.start()
    writer.join()
    wait_until_empty(agent.outbox, agent.service)
    agent.stop()
    assert consumer.codes() == expected(300)


@pytest.mark.parametrize("persistent", [False, True], ids=["forgetting broker", "persistent broker"])
def test_kill_9_of_the_broker_loses_and_doubles_nothing(tmp_path: Path, authority: Authority, persistent: bool):
    broker = Mosquitto(tmp_path / "broker", authority, persistent=persistent).start()
    home = enrolled_home(tmp_path / "home", authority, mqtt_port=broker.port)
    consumer = Consumer(tmp_path, broker)
    consumer.start()
    agent = Agent(home).start()
    try:
        writer = threading.Thread(target=report, args=(agent.outbox, 0, 300))
        writer.start()
        for so_far in (50, 150):
            wait_for(consumer, so_far, agent.service)
            broker.kill()
            broker.start()
        writer.join()
        wait_until_empty(agent.outbox, agent.service)
        assert consumer.codes() == expected(300)
    finally:
        agent.stop()
        consumer.kill()
        broker.stop()


def test_kill_9_of_the_broker_with_the_consumer_away_loses_nothing(
    home: Home, consumer: Consumer, mosquitto: Mosquitto
):
    agent = Agent(home).start()
    report(agent.outbox, 0, 100)
    time.sleep(1)
    mosquitto.kill()
    mosquitto.start()
    consumer.start()
    wait_until_empty(agent.outbox, agent.service)
    agent.stop()
    assert consumer.codes() == expected(100)


def test_kill_9_of_the_frame_while_publishing_loses_and_doubles_nothing(home: Home, consumer: Consumer):
    consumer.start()
    outbox = Outbox(home.outbox)
    for begin in range(0, 450, 150):
        report(outbox, begin, begin + 150)
        process = subprocess.Popen(
            [sys.executable, "-m", "device_agent.cli", "telemetry", "flush"],
            env={**os.environ, "LIVEFRAME_HOME": str(home.root)},
        )
        wait_for(consumer, begin + 20)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert flush(home).returncode == 0
    assert outbox.depth() == 0
    assert consumer.codes() == expected(450)


@pytest.fixture
def observer(mosquitto: Mosquitto) -> Iterator[Observer]:
    connected = Observer(mosquitto)
    yield connected
    connected.close()


def online(observer: Observer) -> bool:
    return codec.decode(observer.next(), Presence).online


def test_presence_says_when_the_frame_comes_and_goes_on_purpose(home: Home, observer: Observer):
    agent = Agent(home).start()
    assert online(observer)
    agent.stop()
    assert not online(observer)


def test_the_last_will_says_that_a_frame_was_cut_off(home: Home, observer: Observer):
    Outbox(home.outbox).append(Fault(code="test"))
    process = subprocess.Popen(
        [sys.executable, "-m", "device_agent.cli", "telemetry", "flush"],
        env={**os.environ, "LIVEFRAME_HOME": str(home.root)},
    )
    assert online(observer)
    process.kill()
    process.wait()
    assert not online(observer)


def test_commands_are_followed_and_what_does_not_validate_is_dropped(home: Home, observer: Observer):
    agent = Agent(home).start()
    assert online(observer)
    agent.outbox.append(Fault(code="test"))
    frame = identity.load(home).frame_id
    time.sleep(1)
    observer.send(topics.command(frame), b"not json")
    observer.send(topics.ack(frame), b'{"v":1,"boot":"../../etc","seq":1}')
    observer.send(topics.ack(frame), b'{"v":2,"boot":"0000000000000000","seq":1}')
    observer.send(topics.command(frame), codec.encode(Command(kind=CommandKind.CHECK_UPDATE)))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not agent.commands:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert agent.commands == ["check-update"]
    assert agent.outbox.depth() == 1
    observer.send(topics.ack(frame), codec.encode(Ack(boot=agent.outbox.current_boot(), seq=1)))
    wait_until_empty(agent.outbox)
    agent.stop()
