import json

from hypothesis import given
from hypothesis import strategies as st

from fleet_server.telemetry import parsing
from fleet_server.telemetry.parsing import Received, Rejection
from frame_protocol import codec, topics
from frame_protocol.telemetry import Presence, TelemetryMessage
from tests.support.simulated_frame import health, playback

FRAME = "frame-abcd1234"
BOOT = "0123456789abcdef"
TOPIC = topics.telemetry(FRAME)


def message(**changes) -> bytes:
    base = TelemetryMessage(frame=FRAME, boot=BOOT, seq=3, floor=1, at=5.0, event=playback())
    return json.dumps({**json.loads(codec.encode(base)), **changes}).encode()


def test_a_message_is_read_with_its_event():
    read = parsing.telemetry(TOPIC, message())
    assert isinstance(read, Received)
    assert (read.frame, read.boot, read.seq, read.kind) == (FRAME, BOOT, 3, "playback")
    assert read.body["frames"] == 375


def test_a_payload_that_names_another_frame_than_its_topic_is_dropped():
    assert parsing.telemetry(TOPIC, message(frame="frame-other1")) is Rejection.FOREIGN


def test_a_payload_that_is_no_json_is_dropped():
    assert parsing.telemetry(TOPIC, b"\xff\x00{") is Rejection.MALFORMED


def test_another_channel_is_no_telemetry():
    assert parsing.telemetry(topics.ack(FRAME), message()) is Rejection.TOPIC
    assert parsing.telemetry("liveframe/v2/frames/x/telemetry", message()) is Rejection.TOPIC


def test_an_event_newer_than_this_server_keeps_its_place():
    read = parsing.telemetry(TOPIC, message(event={"type": "singing", "notes": 4}))
    assert isinstance(read, Received)
    assert (read.seq, read.kind, read.body) == (3, "unreadable", {})


def test_text_that_postgresql_cannot_store_keeps_its_place_without_content():
    event = json.loads(codec.encode(health())) | {"type": "health", "model_id": "a\0b"}
    read = parsing.telemetry(TOPIC, message(event=event))
    assert isinstance(read, Received)
    assert read.kind == "unreadable"


def test_a_newer_version_of_the_envelope_is_dropped():
    assert parsing.telemetry(TOPIC, message(v=2)) is Rejection.MALFORMED


def test_presence_is_checked_against_its_topic():
    status = codec.encode(Presence(frame=FRAME, boot=BOOT, online=True))
    assert parsing.presence(topics.status(FRAME), status) == Presence(frame=FRAME, boot=BOOT, online=True)
    assert parsing.presence(topics.status("frame-other1"), status) is Rejection.FOREIGN


@given(st.binary(max_size=400))
def test_no_bytes_whatsoever_raise(data):
    parsing.telemetry(TOPIC, data)
    parsing.presence(topics.status(FRAME), data)
