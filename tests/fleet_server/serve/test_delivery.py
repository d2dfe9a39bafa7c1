"""Telemetry from a frame's outbox into the database, while parts of the server are killed."""

import time
from collections import Counter

import pytest
from sqlalchemy import select

from fleet_server.devices import service
from fleet_server.devices.models import FrameCondition
from fleet_server.devices.notify import notify
from fleet_server.serve.initialise import initialise
from fleet_server.telemetry.models import Message
from frame_protocol import codec, topics
from frame_protocol.telemetry import Command, CommandKind, TelemetryMessage
from tests.support.running_fleet import RunningFleet
from tests.support.simulated_frame import FrameSimulator, health, playback

MESSAGES = 400
SETTLE_SECONDS = 45


def stored(fleet: RunningFleet, frame_id: str) -> Counter[tuple[str, int]]:
    with fleet.database.reading() as session:
        rows = session.execute(select(Message.boot, Message.seq).where(Message.frame_id == frame_id)).all()
    return Counter((boot, seq) for boot, seq in rows)


def expect_all(fleet: RunningFleet, frame: FrameSimulator, number: int) -> None:
    frame.wait_empty(SETTLE_SECONDS)
    assert stored(fleet, frame.identity.frame_id) == Counter({(frame.boot, seq): 1 for seq in range(1, number + 1)})


def eventually(check, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.05)


@pytest.mark.parametrize("victim", ["ingest", "mosquitto", "broker"])
def test_kill_minus_9_in_the_middle_loses_nothing_and_doubles_nothing(standing_fleet, victim):
    frame = standing_fleet.frame()
    for part in range(8):
        frame.say(*[playback() for _ in range(MESSAGES // 8)])
        if part == 3:
            standing_fleet.kill(victim)
        time.sleep(0.05)
    expect_all(standing_fleet, frame, MESSAGES)
    frame.stop()


def test_presence_commands_rules_and_revocation(standing_fleet):
    frame, other = standing_fleet.frame(), standing_fleet.frame()
    me, them = frame.identity.frame_id, other.identity.frame_id

    def online(frame_id: str) -> bool | None:
        with standing_fleet.database.reading() as session:
            return session.scalar(select(FrameCondition.online).where(FrameCondition.frame_id == frame_id))

    eventually(lambda: online(me) and online(them))

    # A hint written in a transaction reaches its frame and no other.
    with standing_fleet.database.transaction() as session:
        notify(session, [me], CommandKind.CHECK_UPDATE)
    eventually(lambda: frame.commands)
    assert codec.decode(frame.commands[0], Command).kind is CommandKind.CHECK_UPDATE
    assert other.commands == []

    # What a frame says in another's name goes nowhere, nor does it hear the other's acknowledgements.
    forged = TelemetryMessage(frame=them, boot="f" * 16, seq=1, floor=1, at=1.0, event=health())
    frame.client.subscribe(topics.ack(them), 1)
    frame.client.publish(topics.telemetry(them), codec.encode(forged), qos=1)
    frame.client.publish(topics.telemetry(me), codec.encode(forged), qos=1)
    other.say(health())
    other.wait_empty(10)
    frame.say(health())
    frame.wait_empty(10)
    assert set(stored(standing_fleet, them)) == {(other.boot, 1)}
    assert all(ack.boot == frame.boot for ack in frame.acks)

    # Two bad payloads stopped nothing; the will of a frame that vanishes says so.
    frame.client.publish(topics.telemetry(me), b"\xff not json", qos=1)
    frame.say(health())
    frame.wait_empty(10)
    other.vanish()
    eventually(lambda: online(them) is False)

    # A revoked frame loses HTTP at once and MQTT soon, and its certificate opens neither again.
    with standing_fleet.database.transaction() as session:
        service.revoke(session, "test", me, "stolen")
    assert frame.identity.http(standing_fleet.run["device_url"]).get("/device/v1/complaints").status_code == 403
    eventually(lambda: not frame.connected.is_set())
    time.sleep(2.5)
    assert not frame.connected.is_set()
    frame.stop()


def test_the_same_holds_on_postgresql(postgres, tmp_path):
    initialise(tmp_path / "data", [], postgres.fresh_url())
    fleet = RunningFleet(tmp_path / "data").start()
    try:
        frame = fleet.frame()
        frame.say(*[playback() for _ in range(MESSAGES // 2)])
        fleet.kill("ingest")
        frame.say(*[playback() for _ in range(MESSAGES // 2)])
        expect_all(fleet, frame, MESSAGES)
        frame.stop()
    finally:
        fleet.stop()
