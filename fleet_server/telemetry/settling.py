"""How far each boot of a batch is settled, under its row's lock; four statements whatever the batch holds.

A message that another worker has not committed yet is not seen here; that worker waits for the same lock, and then
sees ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import and_, func, select, tuple_, update
from sqlalchemy.orm import Session

from fleet_server.telemetry.contiguity import highest_settled
from fleet_server.telemetry.models import Boot, Message
from fleet_server.telemetry.parsing import Received
from fleet_server.telemetry.upserts import upsert

BootKey = tuple[str, str]


@dataclass(frozen=True)
class Settled:
    """What may be acknowledged to a frame once this transaction is committed."""

    frame: str
    boot: str
    seq: int


def settle(session: Session, batch: Sequence[Received], now: datetime) -> list[Settled]:
    """Raise floors, find the gaps, remember how far each boot got."""
    floors: dict[BootKey, int] = {}
    for message in batch:
        key = (message.frame, message.boot)
        floors[key] = max(floors.get(key, 1), message.floor)
    before = _lock(session, floors, now)
    committed = _committed(session, floors)
    reached = {
        key: highest_settled(settled, floor, committed.get(key, ())) for key, (floor, settled) in before.items()
    }
    moved = [
        {"frame_id": key[0], "boot": key[1], "settled": seq} for key, seq in reached.items() if seq != before[key][1]
    ]
    if moved:
        session.execute(update(Boot), moved)
    return [Settled(frame, boot, reached[frame, boot]) for frame, boot in sorted(floors)]


def _lock(session: Session, floors: Mapping[BootKey, int], now: datetime) -> dict[BootKey, tuple[int, int]]:
    """Make or raise the floors of these boots, hold their rows until COMMIT; return (floor, settled) of each."""
    statement = upsert(session, Boot)
    higher = func.greatest if session.get_bind().dialect.name == "postgresql" else func.max
    statement = statement.on_conflict_do_update(
        index_elements=[Boot.frame_id, Boot.boot], set_={"floor": higher(Boot.floor, statement.excluded.floor)}
    )
    rows = [
        {"frame_id": frame, "boot": boot, "floor": floors[frame, boot], "settled": 0, "first_seen_at": now}
        for frame, boot in sorted(floors)
    ]
    session.execute(statement, rows)
    found = session.execute(
        select(Boot.frame_id, Boot.boot, Boot.floor, Boot.settled).where(
            tuple_(Boot.frame_id, Boot.boot).in_(list(floors))
        )
    )
    return {(frame, boot): (floor, settled) for frame, boot, floor, settled in found}


def _committed(session: Session, keys: Iterable[BootKey]) -> dict[BootKey, list[int]]:
    """The sequence numbers above what is settled in each of these boots, ascending."""
    query = (
        select(Message.frame_id, Message.boot, Message.seq)
        .join(Boot, and_(Boot.frame_id == Message.frame_id, Boot.boot == Message.boot))
        .where(
            tuple_(Boot.frame_id, Boot.boot).in_(list(keys)), Message.seq > Boot.settled, Message.seq >= Boot.floor
        )
        .order_by(Message.frame_id, Message.boot, Message.seq)
    )
    rows = session.execute(query).all()
    return {key: [row.seq for row in group] for key, group in groupby(rows, key=lambda row: (row[0], row[1]))}
