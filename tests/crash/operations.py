"""What can be done to a disk, as values. Paths are relative to the frame's home."""

from dataclasses import dataclass

from frame_protocol.updates import UpdateReport


@dataclass(frozen=True)
class Create:
    """Open an empty file under ``path``, replacing the content of what is there."""

    path: str


@dataclass(frozen=True)
class Write:
    """Append to an open file."""

    path: str
    data: bytes

    def __repr__(self) -> str:
        return f"Write(path={self.path!r}, {len(self.data)} bytes)"


@dataclass(frozen=True)
class Truncate:
    """Cut a file to ``size`` bytes; what is written next goes there."""

    path: str
    size: int


@dataclass(frozen=True)
class Rename:
    """Replace ``new`` by ``old`` in one instant."""

    old: str
    new: str


@dataclass(frozen=True)
class Unlink:
    """Delete a file or link."""

    path: str


@dataclass(frozen=True)
class MakeDirectory:
    """Make an empty directory."""

    path: str


@dataclass(frozen=True)
class RemoveDirectory:
    """Delete an empty directory."""

    path: str


@dataclass(frozen=True)
class Symlink:
    """Make a symbolic link."""

    path: str
    target: str


@dataclass(frozen=True)
class SyncFile:
    """Make the content of a file durable."""

    path: str


@dataclass(frozen=True)
class SyncDirectory:
    """Make the names in a directory durable."""

    path: str


@dataclass(frozen=True)
class Report:
    """The outbox commits a report: whole or not at all, durable at once, which is what SQLite promises."""

    key: str
    report: UpdateReport

    def __repr__(self) -> str:
        return f"Report({self.key})"


Operation = (
    Create | Write | Truncate | Rename | Unlink | MakeDirectory | RemoveDirectory | Symlink | SyncFile | SyncDirectory
    | Report
)  # fmt: skip
