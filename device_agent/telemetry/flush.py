"""Bring the outbox to the server and wait for its word; beside a running agent, ask that agent and watch."""

import os
import signal
import threading
from dataclasses import dataclass

from device_agent.system import clock, identity, lock
from device_agent.system.home import Home
from device_agent.telemetry.outbox import Outbox
from device_agent.telemetry.service import TelemetryService

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Flushed:
    """What a flush has come to."""

    before: int
    left: int
    seconds: float


def flush(home: Home, timeout: float) -> Flushed:
    """Publish everything and wait until the server has acknowledged it, at most ``timeout`` seconds."""
    who = identity.load(home)
    outbox = Outbox(home.outbox)
    begun = clock.monotonic()
    try:
        before = outbox.depth()
        if before:
            _drain(home, who, outbox, begun + timeout)
        return Flushed(before, outbox.depth(), clock.monotonic() - begun)
    finally:
        outbox.close()


def _drain(home: Home, who: identity.Identity, outbox: Outbox, deadline: float) -> None:
    agent = lock.holder(home.agent_lock)
    if agent:
        os.kill(agent, signal.SIGUSR1)
        _watch(outbox, deadline)
        return
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # another flush may ask this process, which is at it already
    with lock.exclusive(home.agent_lock, purpose="telemetry flush"):
        _publish(home, who, outbox, deadline)


def _publish(home: Home, who: identity.Identity, outbox: Outbox, deadline: float) -> None:
    stop = threading.Event()
    service = TelemetryService(outbox, who, home, boot=outbox.current_boot(), on_command=lambda kind: None)
    worker = threading.Thread(target=service.run, args=(stop,), name="telemetry", daemon=True)
    worker.start()
    try:
        _watch(outbox, deadline)
    finally:
        stop.set()
        worker.join(timeout=POLL_SECONDS * 50)


def _watch(outbox: Outbox, deadline: float) -> None:
    pause = threading.Event()
    while outbox.depth() and clock.monotonic() < deadline:
        pause.wait(POLL_SECONDS)
