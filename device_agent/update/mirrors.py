"""Downloads from mirrors first, from the fleet server last: a mirror that is bad is left, and nothing else happens.

The director names the mirrors with each assignment. They are trusted with nothing: the hash that people signed
decides. So a mirror that lies, stalls, is full of web pages or not there is never a fault of the release; only what
the fleet server itself sends counts against it. A mirror sees no certificate of the frame.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from device_agent.errors import ServerRefused, ServerUnreachable, TrustError
from device_agent.update.fetch import Fetcher, Limits
from device_agent.update.retry import RetryPolicy

MIRROR_LIMITS = Limits(connect_seconds=10.0, read_seconds=20.0, min_bytes_per_second=4096.0, rate_window_seconds=30.0)
"""Less patience than with the fleet server: there is somebody else to ask."""
MIRROR_POLICY = RetryPolicy(attempts=2)


class Downloads(Protocol):
    """Whatever completes a partial file; see ``Fetcher.download``."""

    def download(self, name: str, partial: Path, length: int, sha256: str) -> None:
        """Complete ``partial`` from ``name``, verify its hash and sync it."""


class Mirrored:
    """Asks one after the other; who failed once is not asked again in this poll."""

    def __init__(self, origin: Downloads, mirror: Callable[[str], Fetcher]) -> None:
        """``mirror`` makes the fetcher of a base address."""
        self._origin = origin
        self._make = mirror
        self._mirrors: dict[str, Downloads] = {}
        self._log = structlog.get_logger("update")

    def use(self, addresses: Sequence[str]) -> None:
        """Take these mirrors, in this order."""
        self._mirrors = {address: self._make(address) for address in addresses}

    def download(self, name: str, partial: Path, length: int, sha256: str) -> None:
        """As ``Fetcher.download``; a partial file goes on wherever it was begun."""
        for address, mirror in list(self._mirrors.items()):
            try:
                mirror.download(name, partial, length, sha256)
            except (ServerUnreachable, ServerRefused, TrustError) as error:
                self._log.warning("mirror_left", mirror=address, error=str(error))
                del self._mirrors[address]
            else:
                return
        self._origin.download(name, partial, length, sha256)
