"""The outbox: an event is durable here before anything else happens to it, and leaves on the server's word alone.

Several processes append (the agent, ``render``, ``play``). A boot is a row: the agent begins one at each start,
others append to the newest of the kernel's present run or begin one. The sequence number is taken and the event
stored in one transaction, so numbers have no gap and no double whoever appends and whenever power goes. A boot never
outlives the kernel's run: a disk that lost its last writes in a power cut cannot hand out a number twice.
"""

import heapq
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from device_agent.errors import StorageError
from device_agent.system import clock
from device_agent.telemetry import policy
from device_agent.telemetry.policy import Hole, Limits, Totals
from device_agent.telemetry.store import Store
from frame_protocol.telemetry import Event, Fault, TelemetryMessage

DAMAGED_CODE = "outbox-damaged"
UNREADABLE_CODE = "outbox-unreadable"
INVALID_CODE = "report-invalid"
REMEMBERED_KEYS = 5_000
"""Idempotency keys kept; an update appends about ten."""

MAX_DETAIL = 200
"""Characters of a fault's detail that the contract allows."""

_BOOT_OCTETS = 8


@dataclass(frozen=True)
class Pending:
    """A message that the server has not acknowledged; ``order`` sorts boots by age."""

    order: int
    boot: str
    seq: int
    floor: int
    at: float
    body: bytes

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the order of publishing."""
        return (self.order, self.seq)

    def message(self, frame_id: str) -> TelemetryMessage:
        """Return what goes over the wire; a row that this version cannot read keeps its number as a fault."""
        try:
            event = msgspec.json.decode(self.body, type=Event)
        except msgspec.MsgspecError as error:
            event = Fault(code=UNREADABLE_CODE, detail=str(error)[:MAX_DETAIL])
        return TelemetryMessage(
            frame=frame_id, boot=self.boot, seq=self.seq, floor=self.floor, at=self.at, event=event
        )


class Outbox:
    """The outbox in one file; safe between threads and between processes."""

    def __init__(self, path: Path, *, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._kernel = clock.kernel_boot()
        self._store = Store(path, self._report_damage)

    def begin_boot(self) -> str:
        """Begin a new boot and return its id; the agent does so once, at its start."""
        return self._store.write(self._new_boot)[1]

    def current_boot(self) -> str:
        """Return the boot that an append goes to now; begins one where there is none."""
        return self._store.write(self._current_boot)[1]

    def acknowledged(self) -> int:
        """Return how many messages of the newest boot the server has committed."""
        return self._store.read(_acknowledged)

    def append(self, event: Event, *, key: str | None = None) -> int:
        """Store an event for good and return its sequence number; a ``key`` seen before changes nothing."""
        return self._store.write(lambda connection: self._append(connection, event, key))

    def unacknowledged(self, limit: int) -> list[Pending]:
        """Return the oldest messages that the server has not acknowledged, in the order of publishing."""
        return self._store.read(lambda connection: list(islice(_pending(connection, limit), limit)))

    def acknowledge(self, boot: str, seq: int) -> int:
        """Delete what the server has committed: ``boot`` up to ``seq``; return how many messages went."""
        return self._store.write(lambda connection: _acknowledge(connection, boot, seq))

    def depth(self) -> int:
        """Return how many messages the server has not acknowledged."""
        return self._store.read(_depth)

    def check(self) -> None:
        """Read the whole file once; a damaged one is set aside and reported as a fault."""
        self._store.check()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _append(self, connection: sqlite3.Connection, event: Event, key: str | None) -> int:
        if key is not None:
            known = connection.execute("SELECT seq FROM idempotency WHERE key = ?", (key,)).fetchone()
            if known is not None:
                return int(known[0])
        boot, _ = self._current_boot(connection)
        (seq,) = connection.execute(
            "UPDATE boot SET next_seq = next_seq + 1 WHERE position = ? RETURNING next_seq - 1", (boot,)
        ).fetchone()
        kind, body = _checked(event)
        connection.execute(
            "INSERT INTO message (boot, seq, at, kind, event, size) VALUES (?, ?, ?, ?, ?, ?)",
            (boot, seq, clock.wall(), kind, body, len(body)),
        )
        if key is not None:
            _remember(connection, key, seq)
        _make_room(connection, self._limits)
        return int(seq)

    def _current_boot(self, connection: sqlite3.Connection) -> tuple[int, str]:
        newest = connection.execute(
            "SELECT position, name, kernel FROM boot ORDER BY position DESC LIMIT 1"
        ).fetchone()
        if newest is not None and newest[2] == self._kernel:
            return int(newest[0]), str(newest[1])
        return self._new_boot(connection)

    def _new_boot(self, connection: sqlite3.Connection) -> tuple[int, str]:
        name = secrets.token_hex(_BOOT_OCTETS)
        row = connection.execute("INSERT INTO boot (name, kernel, next_seq) VALUES (?, ?, 1)", (name, self._kernel))
        _forget_settled_boots(connection)
        return int(row.lastrowid or 0), name

    def _report_damage(self, connection: sqlite3.Connection, reason: str) -> None:
        self._append(connection, Fault(code=DAMAGED_CODE, detail=reason[:MAX_DETAIL]), None)


def _checked(event: Event) -> tuple[str, bytes]:
    """Return kind and JSON of an event; what the server would not accept becomes a fault that says so.

    A message that the server drops would never be acknowledged, and hold back everything after it.
    """
    body = msgspec.json.encode(event)
    try:
        msgspec.json.decode(body, type=Event)
    except msgspec.MsgspecError as error:
        kind = event.__struct_config__.tag
        event = Fault(code=INVALID_CODE, detail=f"{kind}: {error}"[:MAX_DETAIL])
        body = msgspec.json.encode(event)
    return str(event.__struct_config__.tag), body


def _pending(connection: sqlite3.Connection, limit: int) -> Iterator[Pending]:
    """Yield rows and the stand-ins of dropped ones, boot after boot, each in the order of its numbers."""
    boots = connection.execute("SELECT position, name, next_seq FROM boot ORDER BY position").fetchall()
    for position, name, next_seq in boots:
        rows = connection.execute(
            "SELECT seq, at, event FROM message WHERE boot = ? ORDER BY seq LIMIT ?", (position, limit)
        )
        merged = heapq.merge(rows, _stand_ins(connection, position), key=lambda row: int(row[0]))
        floor = policy.floor(_lowest(connection, position), next_seq)
        for seq, at, body in merged:
            yield Pending(position, name, seq, floor, at, body)


def _stand_ins(connection: sqlite3.Connection, boot: int) -> Iterator[tuple[int, float, bytes]]:
    body = msgspec.json.encode(policy.placeholder())
    for first, last, at in connection.execute(
        "SELECT first, last, at FROM hole WHERE boot = ? ORDER BY first", (boot,)
    ):
        for seq in range(first, last + 1):
            yield seq, at, body


def _acknowledge(connection: sqlite3.Connection, boot: str, seq: int) -> int:
    before = _depth(connection)
    found = connection.execute("SELECT position FROM boot WHERE name = ?", (boot,)).fetchone()
    if found is None:
        return 0
    (position,) = found
    connection.execute("DELETE FROM message WHERE boot = ? AND seq <= ?", (position, seq))
    connection.execute("DELETE FROM hole WHERE boot = ? AND last <= ?", (position, seq))
    connection.execute("UPDATE hole SET first = ? WHERE boot = ? AND first <= ?", (seq + 1, position, seq))
    _settle(connection, position)
    _forget_settled_boots(connection)
    return before - _depth(connection)


def _acknowledged(connection: sqlite3.Connection) -> int:
    newest = connection.execute("SELECT position, next_seq FROM boot ORDER BY position DESC LIMIT 1").fetchone()
    if newest is None:
        return 0
    boot, next_seq = newest
    (rows,) = connection.execute("SELECT COUNT(*) FROM message WHERE boot = ?", (boot,)).fetchone()
    (dropped,) = connection.execute(
        "SELECT COALESCE(SUM(last - first + 1), 0) FROM hole WHERE boot = ?", (boot,)
    ).fetchone()
    return int(next_seq) - 1 - int(rows) - int(dropped)


def _make_room(connection: sqlite3.Connection, limits: Limits) -> None:
    counts: dict[str, int] = {}
    octets = 0
    for kind, rows, size in connection.execute("SELECT kind, COUNT(*), SUM(size) FROM message GROUP BY kind"):
        counts[kind], octets = rows, octets + size
    while policy.is_over(totals := Totals(sum(counts.values()), octets), limits):
        kind = policy.victim(counts)
        if kind is None:
            if policy.is_beyond_protection(totals, limits):
                raise StorageError(
                    f"the outbox holds {totals.rows} updates and faults, which are never dropped; it takes more when "
                    "the frame has reached its server"
                )
            return
        octets -= _drop_oldest(connection, kind)
        counts[kind] -= 1


def _drop_oldest(connection: sqlite3.Connection, kind: str) -> int:
    boot, seq, at, size = connection.execute(
        "SELECT boot, seq, at, size FROM message WHERE kind = ? ORDER BY boot, seq LIMIT 1", (kind,)
    ).fetchone()
    connection.execute("DELETE FROM message WHERE boot = ? AND seq = ?", (boot, seq))
    query = "SELECT first, last, at FROM hole WHERE boot = ? AND "
    before = connection.execute(query + "last = ?", (boot, seq - 1)).fetchone()
    after = connection.execute(query + "first = ?", (boot, seq + 1)).fetchone()
    hole = policy.widen(Hole(*before) if before else None, seq, at, Hole(*after) if after else None)
    connection.execute("DELETE FROM hole WHERE boot = ? AND first >= ? AND last <= ?", (boot, hole.first, hole.last))
    connection.execute(
        "INSERT INTO hole (boot, first, last, at) VALUES (?, ?, ?, ?)", (boot, hole.first, hole.last, at)
    )
    _settle(connection, boot)
    return int(size)


def _settle(connection: sqlite3.Connection, boot: int) -> None:
    """Forget the holes below the lowest message that is held: the floor says the same in one number."""
    lowest = _lowest(connection, boot)
    if lowest is None:
        connection.execute("DELETE FROM hole WHERE boot = ?", (boot,))
    else:
        connection.execute("DELETE FROM hole WHERE boot = ? AND last < ?", (boot, lowest))


def _forget_settled_boots(connection: sqlite3.Connection) -> None:
    connection.execute(
        "DELETE FROM boot WHERE position < (SELECT MAX(position) FROM boot)"
        " AND NOT EXISTS (SELECT 1 FROM message WHERE message.boot = boot.position)"
    )


def _lowest(connection: sqlite3.Connection, boot: int) -> int | None:
    (lowest,) = connection.execute("SELECT MIN(seq) FROM message WHERE boot = ?", (boot,)).fetchone()
    return None if lowest is None else int(lowest)


def _depth(connection: sqlite3.Connection) -> int:
    (depth,) = connection.execute(
        "SELECT (SELECT COUNT(*) FROM message) + (SELECT COALESCE(SUM(last - first + 1), 0) FROM hole)"
    ).fetchone()
    return int(depth)


def _remember(connection: sqlite3.Connection, key: str, seq: int) -> None:
    connection.execute("INSERT INTO idempotency (key, seq) VALUES (?, ?)", (key, seq))
    connection.execute(
        "DELETE FROM idempotency WHERE position <= (SELECT MAX(position) FROM idempotency) - ?", (REMEMBERED_KEYS,)
    )
