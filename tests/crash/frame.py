"""A frame whose network is a folder and whose outbox keeps SQLite's promises: a start takes milliseconds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from device_agent.engine import package
from device_agent.update import song_packs
from device_agent.update.checks import Directed
from device_agent.update.journal import Journal
from frame_protocol.telemetry import UpdateEvent
from frame_protocol.updates import Assignment
from tests.crash import operations as ops
from tests.crash.operations import Operation
from tests.support.directing import Asking
from tests.support.updating import UpdatingFrame

CHUNK_BYTES = 4096
"""What arrives of a download at once: small, so that a download is many operations."""


class Folder(httpx.BaseTransport):
    """Serves ``/tuf`` from the files of a repository, ranges included."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as a static server does."""
        path = self._directory / request.url.path.removeprefix("/tuf/")
        if not path.is_file():
            return httpx.Response(404)
        data = path.read_bytes()
        start = int(request.headers["Range"].removeprefix("bytes=").rstrip("-")) if "Range" in request.headers else 0
        headers = {"Content-Length": str(len(data) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return httpx.Response(206 if start else 200, headers=headers, stream=Chunks(data[start:]))


class Chunks(httpx.SyncByteStream):
    """A body that arrives in small parts."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), CHUNK_BYTES):
            yield self._data[start : start + CHUNK_BYTES]


class PromisedOutbox:
    """Reports by key, each once; an append is one operation."""

    def __init__(self, kept: list[ops.Report], into: list[Operation]) -> None:
        self.kept = kept
        self._into = into

    def append(self, event: UpdateEvent, *, key: str) -> bool:
        """Keep the report, unless one has its key."""
        if any(report.key == key for report in self.kept):
            return False
        report = ops.Report(key, event.report)
        self.kept.append(report)
        self._into.append(report)
        return True

    def current_boot(self) -> str:
        """Return the id of this boot."""
        return "00000000b007b007"


@dataclass(frozen=True)
class Running:
    """What a frame would work with now, every file of it compared."""

    weights: str | None
    packs: tuple[tuple[str, int], ...] = ()
    """Name and version of each song pack."""


@dataclass(frozen=True)
class Voice:
    """A director whose answers a frame gets, each signed when it asks."""

    answer: Callable[[Assignment], bytes]
    roots: Path
    root: bytes


class CrashFrame(UpdatingFrame):
    """A frame of which every start is given its disk and its outbox.

    With a ``director`` it keeps what it trusted of that, as a frame does.
    """

    def __init__(self, home: Path, repository: Path, root: bytes, director: Voice | None = None) -> None:
        super().__init__(home, "http://folder", root)
        self.network = Folder(repository)
        self._director = director

    def ask(self) -> Directed | None:
        """Ask the director, if the frame has one."""
        if self._director is None or not isinstance(self.assignment, Assignment):
            return super().ask()
        asking = Asking(self.home / "update" / "director", self._director.roots, self._director.root)
        return asking.ask(self._director.answer(self.assignment))

    def boot(self, kept: list[ops.Report], into: list[Operation]) -> Journal:
        """Start, poll once, end."""
        with httpx.Client(transport=self.network) as http:
            return self.start(http, PromisedOutbox(kept, into)).poll()

    def running(self) -> str | None:
        """Return the hash of the weights that the frame would render with now, all files compared."""
        link = self.models / "active"
        return package.verify(link.resolve()).weights_sha256 if link.is_symlink() else None

    def runs(self) -> Running:
        """Return everything that the frame would work with now."""
        link = self.home / "content" / "active"
        packs = song_packs.read_all(link.resolve()) if link.is_symlink() else []
        return Running(self.running(), tuple((pack.pack, pack.version) for pack in packs))
