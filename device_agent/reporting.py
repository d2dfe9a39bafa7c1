"""How a command tells the fleet what happened, without knowing whether there is a fleet.

Features do not import each other: ``render``, ``play`` and ``update`` do not know the outbox. The command line puts
a ``Reporter`` into the arguments of every command; on a frame that is not enrolled it keeps nothing.
"""

import argparse
from collections.abc import Callable
from typing import Protocol

from frame_protocol.telemetry import Event

NO_BOOT = "0" * 16
"""The boot of a frame that reports to nobody."""


class Reporter(Protocol):
    """Where reports go."""

    def report(self, event: Event, *, key: str | None = None) -> None:
        """Keep an event for the server, durably before this returns; a ``key`` seen before changes nothing."""

    def boot(self) -> str:
        """Return the boot id that reports made now belong to."""

    def acknowledged(self) -> int:
        """Return how many reports of that boot the server has committed."""


class NullReporter:
    """Keeps nothing: the frame has no server."""

    def report(self, event: Event, *, key: str | None = None) -> None:
        """Drop the event."""

    def boot(self) -> str:
        """Return a boot id of zeros."""
        return NO_BOOT

    def acknowledged(self) -> int:
        """Return 0: nobody acknowledges."""
        return 0


class LazyReporter:
    """Makes its reporter when the first report comes, so that a command that reports nothing loads nothing."""

    def __init__(self, make: Callable[[], Reporter]) -> None:
        self._make = make
        self._made: Reporter | None = None

    def report(self, event: Event, *, key: str | None = None) -> None:
        """Pass the event on."""
        self._reporter().report(event, key=key)

    def boot(self) -> str:
        """Ask the reporter."""
        return self._reporter().boot()

    def acknowledged(self) -> int:
        """Ask the reporter."""
        return self._reporter().acknowledged()

    def _reporter(self) -> Reporter:
        if self._made is None:
            self._made = self._make()
        return self._made


def put(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Give a command its reporter."""
    arguments.reporter = reporter


def of(arguments: argparse.Namespace) -> Reporter:
    """Return the reporter that the command line gave to a command."""
    reporter: Reporter = getattr(arguments, "reporter", None) or NullReporter()
    return reporter
