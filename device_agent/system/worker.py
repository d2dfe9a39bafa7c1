"""One recurring piece of work in a thread of its own; its errors are logged and never reach the other workers."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from device_agent.errors import AgentError
from device_agent.system.backoff import delay, jittered


@dataclass(frozen=True)
class Rhythm:
    """When work is done: every ``interval`` seconds, less up to ``jitter`` of it, so that a fleet spreads out."""

    interval: float
    jitter: float = 0.0
    first_retry: float = 5.0
    longest_retry: float = 900.0


def next_wait(rhythm: Rhythm, failures: int, chance: float) -> float:
    """Return the seconds until the next turn; ``failures`` counts those in a row, ``chance`` is from 0 up to 1."""
    if failures == 0:
        return rhythm.interval * (1.0 - rhythm.jitter * chance)
    return jittered(delay(failures - 1, first=rhythm.first_retry, longest=rhythm.longest_retry), chance)


class Worker:
    """Does ``work`` again and again until stopped; ``wake`` makes the next turn come at once."""

    def __init__(self, name: str, work: Callable[[], object], rhythm: Rhythm) -> None:
        self.name = name
        self._work = work
        self._rhythm = rhythm
        self._failures = 0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._log = structlog.get_logger("worker").bind(worker=name)

    def start(self) -> None:
        """Begin; the first turn comes at once."""
        self._thread.start()

    def wake(self) -> None:
        """Let the next turn come now, whatever the rhythm or earlier failures say."""
        self._wake.set()

    def stop(self) -> None:
        """Ask the worker to end after the turn it is in."""
        self._stop.set()
        self._wake.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end and return whether it came."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            self._turn()
            if not self._stop.is_set():
                self._wake.wait(next_wait(self._rhythm, self._failures, random.random()))  # noqa: S311 - spreads load

    def _turn(self) -> None:
        try:
            self._work()
        except AgentError as error:
            self._failures += 1
            self._log.warning("worker_failed", failures=self._failures, error=str(error))
        except Exception:  # noqa: BLE001 - the edge of a thread: one worker's fault must not end the agent
            self._failures += 1
            self._log.exception("worker_broke", failures=self._failures)
        else:
            self._failures = 0
