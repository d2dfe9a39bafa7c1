"""A batch of messages into the database, inside the caller's transaction.

1. rows of frames this server does not know are left out
2. messages: INSERT ... ON CONFLICT DO NOTHING RETURNING; only what is new goes on
3. typed rows and handlers, for the new ones
4. how far each boot is settled now, under its row's lock: that is what may be acknowledged after COMMIT
Rows are touched in sorted order, so that two workers never wait for each other in a circle. PostgreSQL could take
step 2 by COPY into a staging table; ``_insert_new`` is the place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from fleet_server import logs
from fleet_server.db import Base, utc_now
from fleet_server.devices.models import Frame, FrameCondition
from fleet_server.telemetry.contiguity import highest_settled
from fleet_server.telemetry.handlers import Handlers, Stored
from fleet_server.telemetry.models import Boot, Message, Playback
from fleet_server.telemetry.parsing import Received
from frame_protocol import telemetry as events

log = logs.get("telemetry")

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Settled:
    """What may be acknowledged to a frame once this transaction is committed."""

    frame: str
    boot: str
    seq: int


@dataclass(frozen=True)
class Outcome:
    """What became of a batch."""

    settled: list[Settled]
    stored: int
    duplicates: int
    unknown: int


def store(session: Session, batch: Sequence[Received], handlers: Handlers) -> Outcome:
    """Write a batch; see the steps above."""
    known = _known_frames(session, {message.frame for message in batch})
    accepted = sorted(
        (message for message in batch if message.frame in known), key=lambda m: (m.frame, m.boot, m.seq)
    )
    if not accepted:
        return Outcome([], 0, 0, len(batch))
    now = utc_now()
    new = _insert_new(session, accepted, now)
    fresh = list({(m.frame, m.boot, m.seq): m for m in accepted if (m.frame, m.boot, m.seq) in new}.values())
    _insert_playbacks(session, fresh, now)
    _touch_conditions(session, fresh, now)
    _handle(session, fresh, handlers, now)
    settled = _settle(session, accepted, now)
    return Outcome(settled, len(fresh), len(accepted) - len(fresh), len(batch) - len(accepted))


def upsert(session: Session, model: type[Base]) -> Any:  # noqa: ANN401  the two dialects' Insert share no base with on_conflict
    """INSERT of the database in use, which knows ON CONFLICT."""
    dialect = session.get_bind().dialect.name
    return postgresql.insert(model) if dialect == "postgresql" else sqlite.insert(model)


def _known_frames(session: Session, frames: set[str]) -> set[str]:
    return set(session.scalars(select(Frame.id).where(Frame.id.in_(frames))))


def _insert_new(session: Session, batch: Sequence[Received], now: datetime) -> set[Key]:
    """Step 2: insert, and return the keys that were not there before."""
    rows = {
        (m.frame, m.boot, m.seq): {
            "frame_id": m.frame,
            "boot": m.boot,
            "seq": m.seq,
            "kind": m.kind,
            "sent_at": m.sent_at,
            "received_at": now,
            "body": m.body,
        }
        for m in batch
    }
    statement = upsert(session, Message).on_conflict_do_nothing()
    inserted = session.execute(statement.returning(Message.frame_id, Message.boot, Message.seq), list(rows.values()))
    return {(frame, boot, seq) for frame, boot, seq in inserted}


def _insert_playbacks(session: Session, fresh: Iterable[Received], now: datetime) -> None:
    rows = [_playback_row(m, m.event, now) for m in fresh if isinstance(m.event, events.Playback)]
    if rows:
        session.execute(insert(Playback), rows)


def _playback_row(message: Received, event: events.Playback, now: datetime) -> dict[str, Any]:
    return {
        "frame_id": message.frame,
        "boot": message.boot,
        "seq": message.seq,
        "playback_id": event.playback_id,
        "received_at": now,
        "model_id": event.model_id,
        "fill": event.fill,
        "frames": event.frames,
        "shown": event.shown,
        "dropped": event.dropped,
        "seconds_watched": event.seconds_watched,
        "video_seconds": event.video_seconds,
        "fps": event.fps,
        "completed": event.completed,
    }


def _touch_conditions(session: Session, fresh: Sequence[Received], now: datetime) -> None:
    """Remember when each frame was heard, and what its last health sample says it runs."""
    said: dict[str, dict[str, Any]] = {}
    for message in fresh:
        row = said.setdefault(message.frame, {})
        if isinstance(message.event, events.Health):
            if message.event.model_id:
                row |= {"model_id": message.event.model_id, "weights_sha256": message.event.weights_sha256}
            if message.event.agent_version:
                row |= {"agent_version": message.event.agent_version}
    for frame in sorted(said):
        touch_condition(session, frame, {"heard_at": now, **said[frame]})


def touch_condition(session: Session, frame: str, values: Mapping[str, Any]) -> None:
    """Write some columns of a frame's condition, making the row if it is missing."""
    defaults = {"online": False, "model_id": "", "agent_version": "", "heard_at": utc_now()}
    statement = upsert(session, FrameCondition).values(frame_id=frame, **{**defaults, **values})
    session.execute(statement.on_conflict_do_update(index_elements=[FrameCondition.frame_id], set_=dict(values)))


def _handle(session: Session, fresh: Iterable[Received], handlers: Handlers, now: datetime) -> None:
    """Step 3: each handler in a savepoint of its own; one that fails costs its own work, never the batch."""
    for message in fresh:
        handler = handlers.get(type(message.event)) if message.event is not None else None
        if handler is None or message.event is None:
            continue
        try:
            with session.begin_nested():
                handler(session, Stored(message.frame, message.boot, message.seq, now, message.event))
        except Exception:  # edge: features behind the ingest must not stop telemetry
            log.exception("telemetry.handler_failed", frame=message.frame, boot=message.boot, seq=message.seq)


def _settle(session: Session, batch: Sequence[Received], now: datetime) -> list[Settled]:
    """Step 4."""
    floors: dict[tuple[str, str], int] = {}
    for message in batch:
        key = (message.frame, message.boot)
        floors[key] = max(floors.get(key, 1), message.floor)
    boots = _lock_boots(session, floors, now)
    settled = []
    for frame, boot in sorted(floors):
        row = boots[frame, boot]
        reached = highest_settled(row.settled, row.floor, _committed(session, row))
        if reached != row.settled:
            session.execute(update(Boot).where(Boot.frame_id == frame, Boot.boot == boot).values(settled=reached))
        settled.append(Settled(frame, boot, reached))
    return settled


def _lock_boots(
    session: Session, floors: Mapping[tuple[str, str], int], now: datetime
) -> dict[tuple[str, str], Boot]:
    """Make or raise the floors of these boots, and hold their rows until COMMIT."""
    dialect = session.get_bind().dialect.name
    statement = upsert(session, Boot)
    higher = func.greatest if dialect == "postgresql" else func.max
    statement = statement.on_conflict_do_update(
        index_elements=[Boot.frame_id, Boot.boot], set_={"floor": higher(Boot.floor, statement.excluded.floor)}
    )
    rows = [
        {"frame_id": frame, "boot": boot, "floor": floors[frame, boot], "settled": 0, "first_seen_at": now}
        for frame, boot in sorted(floors)
    ]
    session.execute(statement, rows)
    found = session.scalars(
        select(Boot)
        .where(tuple_(Boot.frame_id, Boot.boot).in_(list(floors)))
        .execution_options(populate_existing=True)
    )
    return {(row.frame_id, row.boot): row for row in found}


def _committed(session: Session, row: Boot) -> Iterable[int]:
    """The sequence numbers above what is settled, ascending."""
    above = max(row.settled, row.floor - 1)
    return session.scalars(
        select(Message.seq)
        .where(Message.frame_id == row.frame_id, Message.boot == row.boot, Message.seq > above)
        .order_by(Message.seq)
    )
