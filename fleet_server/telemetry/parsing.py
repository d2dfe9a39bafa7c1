"""From bytes on a topic to a message for the database (pure).

A message whose envelope reads but whose event does not (damaged, or of a kind newer than this server) keeps its place
under the kind ``unreadable`` with an empty body: its content is dropped, its sequence number is settled, so that the
frame's outbox moves on.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from frame_protocol import codec, topics
from frame_protocol.codec import Versioned
from frame_protocol.errors import ProtocolError
from frame_protocol.names import BootId, FrameId, Sequence, UnixSeconds
from frame_protocol.telemetry import Event, Presence, TelemetryMessage

UNREADABLE = "unreadable"
NUL = b"\\u0000"
"""PostgreSQL stores no NUL in text."""


class Rejection(StrEnum):
    """Why a payload was dropped whole; values are the metric's label."""

    TOPIC = "topic"
    MALFORMED = "malformed"
    FOREIGN = "foreign"
    """The payload names another frame than its topic."""


@dataclass(frozen=True)
class Received:
    """One message on its way into the database; ``event`` is None when unreadable."""

    frame: str
    boot: str
    seq: int
    floor: int
    sent_at: float
    event: Event | None

    @property
    def kind(self) -> str:
        """The event's type as the database writes it."""
        return UNREADABLE if self.event is None else str(self.event.__struct_config__.tag)

    @property
    def body(self) -> dict[str, Any]:
        """The event as plain values."""
        return {} if self.event is None else msgspec.to_builtins(self.event)


class _Envelope(Versioned, kw_only=True, frozen=True):
    """A telemetry message without its event."""

    frame: FrameId
    boot: BootId
    seq: Sequence
    floor: Sequence
    at: UnixSeconds


def telemetry(topic: str, payload: bytes) -> Received | Rejection:
    """Read a message from a telemetry topic."""
    place = topics.parse(topic)
    if place is None or place[1] != topics.TELEMETRY:
        return Rejection.TOPIC
    message = _decode(payload)
    if message is None:
        return Rejection.MALFORMED
    if message.frame != place[0]:
        return Rejection.FOREIGN
    event = message.event if isinstance(message, TelemetryMessage) else None
    return Received(message.frame, message.boot, message.seq, message.floor, message.at, event)


def presence(topic: str, payload: bytes) -> Presence | Rejection:
    """Read a message from a status topic."""
    place = topics.parse(topic)
    if place is None or place[1] != topics.STATUS:
        return Rejection.TOPIC
    try:
        status = codec.decode(payload, Presence)
    except ProtocolError:
        return Rejection.MALFORMED
    return status if status.frame == place[0] else Rejection.FOREIGN


def unreadable(message: Received) -> Received:
    """The same place with its content dropped."""
    return Received(message.frame, message.boot, message.seq, message.floor, message.sent_at, None)


def _decode(payload: bytes) -> TelemetryMessage | _Envelope | None:
    """The whole message, else its envelope, else None."""
    try:
        if NUL not in payload:
            return codec.decode(payload, TelemetryMessage)
    except ProtocolError:
        pass
    try:
        return codec.decode(payload, _Envelope)
    except ProtocolError:
        return None
