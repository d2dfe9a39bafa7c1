"""MQTT topics (docs/protocol.md, "Topics"). A frame may publish and read below its own prefix only."""

import re

PREFIX = "liveframe/v1/frames"
INGEST_GROUP = "ingest"

TELEMETRY = "telemetry"
STATUS = "status"
ACK = "ack"
COMMAND = "command"

_TOPIC = re.compile(rf"^{PREFIX}/(?P<frame>frame-[0-9a-z]{{4,32}})/(?P<channel>telemetry|status|ack|command)\Z")


def telemetry(frame_id: str) -> str:
    """Frame to server, QoS 1: one TelemetryMessage."""
    return f"{PREFIX}/{frame_id}/{TELEMETRY}"


def status(frame_id: str) -> str:
    """Frame to server, retained, also the last will: one Presence."""
    return f"{PREFIX}/{frame_id}/{STATUS}"


def ack(frame_id: str) -> str:
    """Server to frame, QoS 1: one Ack, sent only after COMMIT."""
    return f"{PREFIX}/{frame_id}/{ACK}"


def command(frame_id: str) -> str:
    """Server to frame, QoS 1: one Command, a hint that never replaces polling."""
    return f"{PREFIX}/{frame_id}/{COMMAND}"


def every_frame(channel: str) -> str:
    """The wildcard subscription for one channel of all frames."""
    return f"{PREFIX}/+/{channel}"


def shared(channel: str) -> str:
    """The shared subscription by which ingest workers divide one channel among them."""
    return f"$share/{INGEST_GROUP}/{every_frame(channel)}"


def parse(topic: str) -> tuple[str, str] | None:
    """Return (frame id, channel) of a topic of ours, or None for any other."""
    match = _TOPIC.match(topic)
    return (match["frame"], match["channel"]) if match else None
