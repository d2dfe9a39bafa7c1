"""The ingest worker: broker -> one transaction a batch -> COMMIT -> PUBACK -> Ack to the frames.

Killed at any instruction it loses nothing: before COMMIT the broker or the frame sends again; after COMMIT the
primary key drops what comes again, and the acknowledgement is repeated from what the database says.
"""

import threading
import time
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from fleet_server import logs
from fleet_server.db import Database, utc_now
from fleet_server.devices.models import Frame, FrameCondition, PendingCommand
from fleet_server.telemetry import parsing
from fleet_server.telemetry.handlers import Handlers
from fleet_server.telemetry.mqtt import Delivery, Link
from fleet_server.telemetry.parsing import Received, Rejection
from fleet_server.telemetry.settling import Settled
from fleet_server.telemetry.store import Outcome, store, touch_condition
from frame_protocol import codec, topics
from frame_protocol.telemetry import Ack, Command, CommandKind, Presence

IDLE_SECONDS = 0.2
"""How long an idle worker waits before it looks for commands to send."""
RETRY_SECONDS = 1.0
"""Wait before a batch is tried again when the database is away."""
COMMANDS_AT_ONCE = 500
COMMAND_CHECK_SECONDS = 0.5

log = logs.get("ingest")


@dataclass
class Counters:
    """What this worker did since it started; shown on /metrics."""

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    unreadable: int = 0
    unknown_frames: int = 0
    batches: int = 0
    retries: int = 0
    rejected: dict[Rejection, int] = field(default_factory=lambda: dict.fromkeys(Rejection, 0))


class IngestWorker:
    """Moves messages; ``run`` until ``stop`` is set."""

    def __init__(
        self, database: Database, link: Link, handlers: Handlers, *, batch_messages: int, batch_seconds: float
    ) -> None:
        self._database = database
        self._link = link
        self._handlers = handlers
        self._batch_messages = batch_messages
        self._batch_seconds = batch_seconds
        self._commands_checked = 0.0
        self.counters = Counters()

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``."""
        while not stop.is_set():
            deliveries = self._link.collect(self._batch_messages, IDLE_SECONDS, self._batch_seconds)
            if deliveries:
                self.process(deliveries, stop)
            if self._link.subscribed and time.monotonic() - self._commands_checked >= COMMAND_CHECK_SECONDS:
                self._try_commands()

    def process(self, deliveries: list[Delivery], stop: threading.Event) -> None:
        """Commit one batch, then acknowledge it to broker and frames."""
        messages, presences = self._read(deliveries)
        while True:
            try:
                settled = self._commit(messages, presences)
                break
            except OperationalError as error:
                self.counters.retries += 1
                log.error("ingest.database_away", error=type(error.orig).__name__, messages=len(messages))
                if stop.wait(RETRY_SECONDS):
                    return
        self._link.acknowledge(deliveries)
        for one in settled:
            self._link.publish(topics.ack(one.frame), codec.encode(Ack(boot=one.boot, seq=one.seq)))

    def _read(self, deliveries: list[Delivery]) -> tuple[list[Received], list[Presence]]:
        """Parse a batch; what is not ours is counted, logged and dropped."""
        messages: list[Received] = []
        presences: list[Presence] = []
        self.counters.received += len(deliveries)
        for delivery in deliveries:
            status = delivery.topic.endswith("/" + topics.STATUS)
            read = (parsing.presence if status else parsing.telemetry)(delivery.topic, delivery.payload)
            if isinstance(read, Rejection):
                self.counters.rejected[read] += 1
                log.warning("ingest.payload_rejected", topic=delivery.topic, reason=read, bytes=len(delivery.payload))
            elif isinstance(read, Presence):
                presences.append(read)
            else:
                if read.event is None:
                    self.counters.unreadable += 1
                    log.warning("ingest.event_unreadable", frame=read.frame, boot=read.boot, seq=read.seq)
                messages.append(read)
        return messages, presences

    def _commit(self, messages: list[Received], presences: list[Presence]) -> list[Settled]:
        """Write a batch; if the database refuses a value in it, find the message and drop its content."""
        try:
            return self._write(messages, presences)
        except (DataError, IntegrityError):
            settled: list[Settled] = []
            for message in messages:
                try:
                    settled += self._write([message], [])
                except (DataError, IntegrityError) as error:
                    log.error(
                        "ingest.database_refused",
                        frame=message.frame,
                        boot=message.boot,
                        seq=message.seq,
                        error=type(error.orig).__name__,
                    )
                    settled += self._write([parsing.unreadable(message)], [])
            self._write([], presences)
            return settled

    def _write(self, messages: list[Received], presences: list[Presence]) -> list[Settled]:
        """One transaction."""
        with self._database.transaction() as session:
            outcome = store(session, messages, self._handlers) if messages else Outcome([], 0, 0, 0)
            _apply_presence(session, presences)
        self.counters.batches += 1
        self.counters.stored += outcome.stored
        self.counters.duplicates += outcome.duplicates
        self.counters.unknown_frames += outcome.unknown
        if outcome.unknown:
            log.warning("ingest.unknown_frame", messages=outcome.unknown)
        return outcome.settled

    def _try_commands(self) -> None:
        """Send what waits for frames; when the database is away, later."""
        try:
            self._send_commands()
        except OperationalError as error:
            log.error("ingest.database_away", error=type(error.orig).__name__, messages=0)

    def _send_commands(self) -> None:
        """Publish the hints that committed transactions left for frames."""
        self._commands_checked = time.monotonic()
        with self._database.reading() as session:
            if session.scalar(select(PendingCommand.id).limit(1)) is None:
                return
        with self._database.transaction() as session:
            query = select(PendingCommand).order_by(PendingCommand.id).limit(COMMANDS_AT_ONCE)
            waiting = session.scalars(query.with_for_update(skip_locked=True)).all()
            for command in waiting:
                payload = codec.encode(Command(kind=CommandKind(command.kind)))
                self._link.publish(topics.command(command.frame_id), payload)
            session.execute(delete(PendingCommand).where(PendingCommand.id.in_([one.id for one in waiting])))


def _apply_presence(session: Session, presences: list[Presence]) -> None:
    """Write who is online; a will of an earlier boot says nothing about the one that runs now."""
    if not presences:
        return
    frames = {presence.frame for presence in presences}
    known = set(session.scalars(select(Frame.id).where(Frame.id.in_(frames))))
    rows = session.execute(
        select(FrameCondition.frame_id, FrameCondition.boot).where(FrameCondition.frame_id.in_(known))
    )
    boots: dict[str, str | None] = {row.frame_id: row.boot for row in rows}
    latest: dict[str, Presence] = {}
    for presence in presences:
        current = boots.get(presence.frame)
        if presence.frame not in known or not (presence.online or current in (None, presence.boot)):
            continue
        boots[presence.frame] = presence.boot
        latest[presence.frame] = presence
    now = utc_now()
    for frame in sorted(latest):
        values = {"online": latest[frame].online, "boot": latest[frame].boot, "heard_at": now}
        touch_condition(session, frame, values)
