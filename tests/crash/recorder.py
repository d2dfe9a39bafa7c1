"""Writes down every operation on the disk below one directory, while it really happens; syncs only pretend.

What is replaced are the functions of ``device_agent.system.disk``. That nothing went past them is checked after each
recording: the operations, performed on the disk as it was before, must give the disk that is there
(``Recorded.check_complete``).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from device_agent.system import disk
from tests.crash import operations as ops
from tests.crash.operations import Operation

Record = Callable[[Operation], None]


class RecordingWriter(disk.Writer):
    """A file whose writes are written down."""

    def __init__(self, path: Path, flags: int, mode: int, record: Record, name: str) -> None:
        super().__init__(path, flags, mode)
        self._record, self._name = record, name

    def write(self, data: bytes | memoryview) -> None:
        super().write(data)
        self._record(ops.Write(self._name, bytes(data)))

    def truncate(self, size: int) -> None:
        super().truncate(size)
        self._record(ops.Truncate(self._name, size))

    def sync(self) -> None:
        self._record(ops.SyncFile(self._name))


@contextmanager
def recording(home: Path, into: list[Operation]) -> Iterator[None]:
    """Append to ``into`` what is done below ``home`` while the block runs."""

    def name(path: Path) -> str:
        return str(path.relative_to(home))

    def writer(path: Path, flags: int, mode: int) -> disk.Writer:
        made = RecordingWriter(path, flags, mode, into.append, name(path))
        if flags:
            into.append(ops.Create(name(path)))
        return made

    def after(act: Callable[..., None], made: Callable[..., Operation]) -> Callable[..., None]:
        def acted(*paths: Path | str) -> None:
            act(*paths)
            into.append(made(*(name(path) if isinstance(path, Path) else path for path in paths)))

        return acted

    def pretend(*paths: Path) -> None:
        """A sync changes what would survive, not what is there."""

    with mock.patch.multiple(
        disk,
        Writer=writer,
        rename=after(disk.rename, ops.Rename),
        unlink=after(disk.unlink, ops.Unlink),
        mkdir=after(disk.mkdir, ops.MakeDirectory),
        rmdir=after(disk.rmdir, ops.RemoveDirectory),
        symlink=after(disk.symlink, ops.Symlink),
        sync_file=after(pretend, ops.SyncFile),
        sync_directory=after(pretend, ops.SyncDirectory),
    ):
        yield
