"""Telemetry: one message carries one event; (frame, boot, seq) names it for ever."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from frame_protocol.codec import Versioned
from frame_protocol.names import BootId, FrameId, Sequence, Sha256, ShortText, UnixSeconds, Uuid
from frame_protocol.updates import UpdateReport

NonNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Fill(StrEnum):
    """How a short voice fills a longer video."""

    IDLE = "idle"
    REPEAT = "repeat"


class Render(msgspec.Struct, frozen=True, kw_only=True, tag="render"):
    """A video was made."""

    video_id: Uuid
    model_id: ShortText
    frames: Count
    voice_seconds: NonNegative
    video_seconds: NonNegative
    first_frame_ms: NonNegative
    fps: NonNegative
    peak_memory_mb: NonNegative
    fill: Fill = Fill.IDLE


class Playback(msgspec.Struct, frozen=True, kw_only=True, tag="playback"):
    """A video was shown; ``shown`` counts the frames that really reached the sink."""

    playback_id: Uuid
    video_id: Uuid | None = None
    model_id: ShortText = ""
    frames: Count
    shown: Count
    dropped: Count
    seconds_watched: NonNegative
    video_seconds: NonNegative
    fps: NonNegative
    completed: bool
    fill: Fill = Fill.IDLE


class Health(msgspec.Struct, frozen=True, kw_only=True, tag="health"):
    """A sample of the frame's condition; a sensor that the machine lacks is left out."""

    uptime_seconds: NonNegative
    memory_available_mb: NonNegative | None = None
    storage_free_mb: NonNegative | None = None
    temperatures: dict[ShortText, float] = {}
    battery_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    power_watts: NonNegative | None = None
    model_id: ShortText = ""
    weights_sha256: Sha256 | None = None
    agent_version: ShortText = ""


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag="fault"):
    """An error that a person may one day ask about."""

    code: ShortText
    detail: ShortText = ""


class UpdateEvent(msgspec.Struct, frozen=True, kw_only=True, tag="update"):
    """A step of an update, signed with the frame's key (see updates.UpdateReport)."""

    report: UpdateReport
    signature: Annotated[str, Meta(max_length=200)]
    """Base64 of the ECDSA P-256 / SHA-256 signature (DER) over ``codec.canonical(report)``."""


Event = Render | Playback | Health | Fault | UpdateEvent


class TelemetryMessage(Versioned, kw_only=True, frozen=True):
    """Frame to server. Everything of this boot below ``floor`` is settled: acknowledged, or dropped for space."""

    frame: FrameId
    boot: BootId
    seq: Sequence
    floor: Sequence
    at: UnixSeconds
    event: Event


class Ack(Versioned, kw_only=True, frozen=True):
    """Server to frame: every message of ``boot`` up to and including ``seq`` is committed."""

    boot: BootId
    seq: Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Presence(Versioned, kw_only=True, frozen=True):
    """Frame to server, retained; the last will says ``online`` false."""

    frame: FrameId
    boot: BootId
    online: bool


class CommandKind(StrEnum):
    """What the server may ask of a frame."""

    CHECK_UPDATE = "check-update"
    COMPLAINT_CHANGED = "complaint-changed"


class Command(Versioned, kw_only=True, frozen=True):
    """Server to frame: a hint to poll now."""

    kind: CommandKind
