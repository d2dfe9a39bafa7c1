"""Starts child processes in order, waits until they are ready, starts again what dies, and stops all."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from fleet_server import lifeline, logs
from fleet_server.errors import ServerError

READY_SECONDS = 60.0
READY_BYTES = 16
STOP_SECONDS = 15.0
BACKOFF_SECONDS = (0.2, 1.0, 5.0, 15.0)
"""Wait before the first, second, ... restart in a row."""
STABLE_SECONDS = 60.0
"""A child that ran this long starts from the first wait again."""

log = logs.get("serve")


@dataclass
class Child:
    """One child: how to start it, and how it fares."""

    name: str
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    restarts: int = 0
    restart_at: float = 0.0
    ready_fd: int = field(default=-1)


class Supervisor:
    """Owns the children."""

    def __init__(self, groups: Sequence[Sequence[Child]], environment: Mapping[str, str]) -> None:
        self._groups = groups
        self._children = [child for group in groups for child in group]
        self._environment = {**os.environ, **environment, lifeline.PARENT: str(os.getpid())}

    def start(self) -> None:
        """Start the groups in order: all of one are ready before the next starts."""
        for group in self._groups:
            for child in group:
                self._launch(child)
            for child in group:
                self._wait_ready(child)

    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {child.name: child.process.pid for child in self._children if child.process}

    def check(self) -> bool:
        """Start again what died, after a wait that grows; True when a process id changed."""
        changed = False
        for child in self._children:
            process = child.process
            if process is not None and process.poll() is not None:
                if time.monotonic() - child.started > STABLE_SECONDS:
                    child.restarts = 0
                wait = BACKOFF_SECONDS[min(child.restarts, len(BACKOFF_SECONDS) - 1)]
                log.error("serve.child_died", child=child.name, code=process.returncode, restart_in_seconds=wait)
                child.process, child.restart_at = None, time.monotonic() + wait
            if child.process is None and time.monotonic() >= child.restart_at:
                child.restarts += 1
                self._launch(child)
                changed = True
        return changed

    def stop(self) -> None:
        """Stop the children, last started first; kill what does not go."""
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                with suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)
                try:
                    child.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    log.error("serve.child_killed", child=child.name)
                    child.process.kill()
                    child.process.wait()
            child.process = None
            self._close(child)

    def _launch(self, child: Child) -> None:
        self._close(child)
        child.ready_fd, write_end = os.pipe()
        try:
            child.process = subprocess.Popen(
                child.command,
                env={**self._environment, lifeline.READY_FD: str(write_end)},
                stdin=subprocess.DEVNULL,
                pass_fds=(write_end,),
            )
        finally:
            os.close(write_end)
        child.started = time.monotonic()
        log.info("serve.child_started", child=child.name, pid=child.process.pid)

    def _wait_ready(self, child: Child) -> None:
        readable, _, _ = select.select([child.ready_fd], [], [], READY_SECONDS)
        if readable and os.read(child.ready_fd, READY_BYTES):
            return
        process = child.process
        self.stop()
        how = (
            f"ended with exit code {process.returncode}"
            if readable and process is not None
            else f"was not ready after {READY_SECONDS:.0f} s"
        )
        raise ServerError(f"{child.name} {how}; its log is above")

    def _close(self, child: Child) -> None:
        if child.ready_fd >= 0:
            os.close(child.ready_fd)
            child.ready_fd = -1
