"""One SQLite file shared by several processes: each transaction whole and durable, a damaged file set aside.

Every transaction holds a shared lock beside the file; who finds the file damaged waits for the lock alone before
moving it, so that no other process commits into a file that has just been set aside.
"""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from device_agent.errors import StorageError
from device_agent.system import lock
from device_agent.system.files import disk_errors, make_directory
from device_agent.telemetry import schema

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

DAMAGED_SUFFIX = ".damaged"
_COMPANIONS = ("", "-wal", "-shm")
_PRIMARY_CODE = 0xFF
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Damaged(Exception):
    """The file is not a readable outbox; inside this file only."""


class Store:
    """Runs transactions on the file at ``path``; ``on_replaced`` is called in the first one after damage."""

    def __init__(self, path: Path, on_replaced: Callable[[sqlite3.Connection, str], None]) -> None:
        self._path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self._on_replaced = on_replaced
        self._mutex = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = -1
        make_directory(path.parent)

    def read(self, work: Work[T]) -> T:
        """Run ``work`` on one consistent view of the file."""
        return self._run("BEGIN", work)

    def write(self, work: Work[T]) -> T:
        """Run ``work``, alone among writers; when this returns its changes are on the disk."""
        return self._run("BEGIN IMMEDIATE", work)

    def check(self) -> None:
        """Read every page once and set a damaged file aside (some damage shows only where nobody looks)."""
        self.read(_quick_check)

    def close(self) -> None:
        """Close the file."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _run(self, begin: str, work: Work[T]) -> T:
        with self._mutex:
            try:
                return self._attempt(begin, work)
            except Damaged as damage:
                self._set_aside(str(damage))
            try:
                return self._attempt(begin, work)
            except Damaged as damage:
                raise StorageError(f"{self._path}: damaged again at once ({damage}); check the disk") from damage

    def _attempt(self, begin: str, work: Work[T]) -> T:
        with lock.shared(self._lock_path):
            try:
                connection = self._connected()
                return _transaction(connection, begin, work)
            except sqlite3.Error as error:
                raise _translated(self._path, error) from error

    def _connected(self) -> sqlite3.Connection:
        """Return a connection to the file that has the name now: another process may have set ours aside."""
        if self._connection is None or self._inode != _inode(self._path):
            self.close()
            self._connection = schema.connect(self._path)
            self._inode = _inode(self._path)
        return self._connection

    def _set_aside(self, reason: str) -> None:
        inode = self._inode if self._connection is not None else _inode(self._path)
        self.close()
        with lock.alone(self._lock_path):
            if _inode(self._path) != inode:
                return  # another process was first
            with disk_errors(f"cannot set the damaged {self._path} aside"):
                for companion in _COMPANIONS:
                    source = self._path.with_name(self._path.name + companion)
                    if source.exists():
                        source.replace(self._path.with_name(self._path.name + DAMAGED_SUFFIX + companion))
            try:
                self._connection = schema.connect(self._path)
                self._inode = _inode(self._path)
                _transaction(self._connection, "BEGIN IMMEDIATE", lambda c: self._on_replaced(c, reason))
            except sqlite3.Error as error:
                self.close()
                raise StorageError(f"{self._path}: a new outbox cannot be made ({error}); check the disk") from error


def _transaction(connection: sqlite3.Connection, begin: str, work: Work[T]) -> T:
    connection.execute(begin)
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _quick_check(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise Damaged(verdict)


def _translated(path: Path, error: sqlite3.Error) -> Exception:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & _PRIMARY_CODE
    if code in _DAMAGE or (code == sqlite3.SQLITE_ERROR and "no such" in str(error)):
        return Damaged(str(error))
    if code == sqlite3.SQLITE_FULL:
        return StorageError(f"{path}: the disk is full; free some space. Nothing committed is lost")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageError(f"{path}: another process held it for {schema.BUSY_SECONDS:.0f} s; try again")
    return StorageError(f"{path}: {error}; check that the disk is healthy and that this user may write there")


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return -1
