"""The outbox's tables, and how a connection to them is opened."""

import sqlite3
from pathlib import Path

FORMAT = 1
"""Kept in the file's user_version; 0 is a file without tables."""

BUSY_SECONDS = 20.0
"""How long a process waits for another one's transaction; each takes milliseconds."""

TABLES = """
CREATE TABLE boot (
    position INTEGER CONSTRAINT pk_boot PRIMARY KEY AUTOINCREMENT,  -- order of boots
    name TEXT NOT NULL CONSTRAINT uq_boot_name UNIQUE,              -- the boot id of the protocol
    kernel TEXT NOT NULL,                                           -- the run of the kernel that it belongs to
    next_seq INTEGER NOT NULL                                       -- the sequence number that comes next
) STRICT;
CREATE TABLE message (
    boot INTEGER NOT NULL CONSTRAINT fk_message_boot REFERENCES boot (position),
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    event BLOB NOT NULL,
    size INTEGER NOT NULL,
    CONSTRAINT pk_message PRIMARY KEY (boot, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_message_kind ON message (kind, boot, seq, size);
CREATE TABLE hole (
    boot INTEGER NOT NULL CONSTRAINT fk_hole_boot REFERENCES boot (position),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    at REAL NOT NULL,
    CONSTRAINT pk_hole PRIMARY KEY (boot, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE idempotency (
    position INTEGER CONSTRAINT pk_idempotency PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL CONSTRAINT uq_idempotency_key UNIQUE,
    seq INTEGER NOT NULL
) STRICT;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the outbox; the caller writes BEGIN and COMMIT itself, and every COMMIT is on the disk when it returns."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Make the tables in a new file; a file of another format is refused as damaged."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found == 0:
            for statement in TABLES.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        elif found != FORMAT:
            raise sqlite3.DatabaseError(f"format {found} came, this program reads {FORMAT}")
        for table in ("boot", "message", "hole", "idempotency"):
            connection.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608 - fixed names
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
