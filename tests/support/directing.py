"""A real director with a ceremony's keys, and a frame's client of it, for tests."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from device_agent.update import assignment
from device_agent.update.checks import Directed
from device_agent.update.trust.client import MetadataSource, TrustClient
from device_agent.update.trust.store import MetadataStore
from fleet_server.signing.director import Direction, Director
from frame_protocol.updates import Assignment, Line, manifest_path

FRAME = "frame-ab12"
HARDWARE = "lf-1"


def assigned(number: int, release: str, *, frame: str = FRAME, hardware: str = HARDWARE, counter: int) -> Assignment:
    """Return what a director signs for the order of that number."""
    order_id = f"00000000-0000-0000-0000-{number:012d}"
    return Assignment(frame=frame, order_id=order_id, release=release, hardware=hardware, counter=counter)


def direct(
    director: Director, what: Assignment, files: Mapping[str, tuple[int, str]] | None = None, at=None
) -> bytes:
    """Let the director answer; without ``files`` it names a manifest of one byte."""
    given = files if files is not None else {manifest_path(Line(what.line), what.release): (1, "0" * 64)}
    return director.direct(Direction(what, given), at or datetime.now(UTC))


class RootFiles:
    """The director's roots as files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a root, or None."""
        path = self._directory / name
        return path.read_bytes() if path.is_file() else None


class Asking:
    """The frame's side: what it believed before lies in ``directory``."""

    def __init__(self, directory: Path, roots: Path, root: bytes, now: Callable[[], datetime] | None = None) -> None:
        self._store, self._roots, self._root = MetadataStore(directory), RootFiles(roots), root
        self.now = now or (lambda: datetime.now(UTC))

    def ask(self, answer: bytes | None, frame: str = FRAME) -> Directed | None:
        """Judge an answer as the frame would."""
        return assignment.ask(lambda path: answer, self._roots, self._trust, frame)

    def _trust(self, source: MetadataSource) -> TrustClient:
        return TrustClient(self._store, source, self._root, now=self.now)
