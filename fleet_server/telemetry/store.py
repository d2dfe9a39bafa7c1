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

from sqlalchemy import case, insert, select
from sqlalchemy.orm import Session

from fleet_server import logs
from fleet_server.db import utc_now
from fleet_server.devices.models import Frame, FrameCondition
from fleet_server.telemetry.handlers import Handlers, Stored
from fleet_server.telemetry.models import Message, Playback
from fleet_server.telemetry.parsing import Received
from fleet_server.telemetry.settling import Settled, settle
from fleet_server.telemetry.upserts import upsert
from frame_protocol import telemetry as events

log = logs.get("telemetry")

Key = tuple[str, str, int]
_UNKNOWN = {"online": False, "model_id": "", "weights_sha256": None, "agent_version": ""}
"""Condition of a frame that has not said more yet."""


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
    settled = settle(session, accepted, now)
    return Outcome(settled, len(fresh), len(accepted) - len(fresh), len(batch) - len(accepted))


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
    """Remember when each frame was heard, and what its last health sample says it runs; one statement."""
    said = {message.frame: {"frame_id": message.frame, "heard_at": now, **_UNKNOWN} for message in fresh}
    for message in fresh:
        if isinstance(message.event, events.Health):
            said[message.frame] |= {
                "model_id": message.event.model_id,
                "weights_sha256": message.event.weights_sha256,
                "agent_version": message.event.agent_version,
            }
    if not said:
        return
    statement = upsert(session, FrameCondition)
    new, old = statement.excluded, FrameCondition
    statement = statement.on_conflict_do_update(
        index_elements=[FrameCondition.frame_id],
        set_={
            "heard_at": new.heard_at,
            "model_id": case((new.model_id != "", new.model_id), else_=old.model_id),
            "weights_sha256": case((new.model_id != "", new.weights_sha256), else_=old.weights_sha256),
            "agent_version": case((new.agent_version != "", new.agent_version), else_=old.agent_version),
        },
    )
    session.execute(statement, [said[frame] for frame in sorted(said)])


def touch_condition(session: Session, frame: str, values: Mapping[str, Any]) -> None:
    """Write some columns of a frame's condition, making the row if it is missing."""
    row = {"frame_id": frame, "heard_at": utc_now(), **_UNKNOWN, **values}
    statement = upsert(session, FrameCondition).values(row)
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
