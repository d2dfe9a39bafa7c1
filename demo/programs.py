"""Run the three programs as a person would: by their command lines, with their output kept in a log."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from demo.errors import StepFailed

SHUTDOWN_SECONDS = 20

T = TypeVar("T")


class Programs:
    """Starts commands and child processes, and stops what it started."""

    def __init__(self, log: Path) -> None:
        """Write every command and its output to ``log``."""
        self._log = log
        self._bin = Path(sys.executable).parent
        self._children: list[subprocess.Popen[bytes]] = []

    def _argv(self, program: str, arguments: Sequence[object]) -> list[str]:
        return [str(self._bin / program), *map(str, arguments)]

    def _note(self, text: str) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(text)

    def run(
        self,
        program: str,
        *arguments: object,
        advice: str,
        timeout: float = 300,
        env: Mapping[str, str] | None = None,
        secret: bool = False,
    ) -> str:
        """Run a command to its end and return what it printed; raise StepFailed unless it exits with 0.

        What a ``secret`` command prints does not go into the log.
        """
        argv = self._argv(program, arguments)
        self._note(f"\n$ {program} {' '.join(argv[1:])}\n")
        try:
            done = subprocess.run(
                argv, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})}, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise StepFailed(f"`{program} {arguments[0]}` was not done after {timeout:.0f} s", advice) from error
        self._note(("(a secret)\n" if secret else done.stdout) + done.stderr)
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
            raise StepFailed(f"`{program} {arguments[0]}` ended with exit code {done.returncode}: {last}", advice)
        return done.stdout

    def json(
        self,
        program: str,
        *arguments: object,
        advice: str,
        timeout: float = 300,
        env: Mapping[str, str] | None = None,
        secret: bool = False,
    ) -> dict[str, Any]:
        """Run a command that prints one JSON object and return it."""
        printed = self.run(program, *arguments, advice=advice, timeout=timeout, env=env, secret=secret)
        found: dict[str, Any] = json.loads(printed)
        return found

    def start(
        self, program: str, *arguments: object, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program that runs on; it is stopped with the demo."""
        argv = self._argv(program, arguments)
        self._note(f"\n$ {program} {' '.join(argv[1:])} &\n")
        with self._log.open("ab") as log:
            child = subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, **(env or {})})
        self._children.append(child)
        return child

    def stop_all(self) -> None:
        """Ask the children to stop, the last started first; insist after a while."""
        for child in reversed(self._children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(SHUTDOWN_SECONDS)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        self._children.clear()


def wait_for(
    what: str,
    probe: Callable[[], T | None],
    *,
    timeout: float,
    advice: str,
    child: subprocess.Popen[bytes] | None = None,
) -> T:
    """Call ``probe`` until it returns something; raise StepFailed at the timeout or when ``child`` has ended."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if (found := probe()) is not None:
            return found
        if child is not None and child.poll() is not None:
            raise StepFailed(f"waiting for {what}: the program ended with exit code {child.returncode}", advice)
        time.sleep(0.2)
    raise StepFailed(f"waiting for {what}: nothing after {timeout:.0f} s", advice)
