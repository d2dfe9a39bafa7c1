import base64
import random
import uuid

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import func, select

from fleet_server.db import Database, utc_now
from fleet_server.devices.models import ClaimCode, Frame, FrameCondition
from fleet_server.events import handlers
from fleet_server.pki import certificates
from fleet_server.telemetry import completion
from fleet_server.telemetry.models import Message, Playback, UpdateStep
from fleet_server.telemetry.parsing import Received
from fleet_server.telemetry.settling import Settled
from fleet_server.telemetry.store import store
from frame_protocol import codec
from frame_protocol.telemetry import Event, Fill, UpdateEvent
from frame_protocol.updates import UpdateReport, UpdateState
from tests.support.simulated_frame import health, playback

FRAME = "frame-aaaa1111"
BOOT = "0123456789abcdef"
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def known(any_database: Database) -> Database:
    """A database that knows one frame."""
    with any_database.transaction() as session:
        now = utc_now()
        code = ClaimCode(code_hmac="x", hint="ABCD", created_by="test", created_at=now, serial="SER-1", used_at=now)
        session.add(code)
        session.flush()
        session.add(
            Frame(
                id=FRAME,
                serial="SER-1",
                claim_code_id=code.id,
                hardware="sim",
                timezone="UTC",
                public_key_pem=certificates.public_pem(KEY.public_key()),
                enrolled_at=now,
            )
        )
    return any_database


def received(seq: int, event: Event | None = None, *, floor: int = 1, frame: str = FRAME) -> Received:
    return Received(frame, BOOT, seq, floor, 1.0, event or playback())


def write(database: Database, *messages: Received):
    with database.transaction() as session:
        return store(session, messages, handlers())


def signed(report: UpdateReport, key: ec.EllipticCurvePrivateKey = KEY) -> UpdateEvent:
    signature = key.sign(codec.canonical(report), ec.ECDSA(hashes.SHA256()))
    return UpdateEvent(report=report, signature=base64.b64encode(signature).decode())


def kept(release: str = "nano-1.0.0") -> UpdateReport:
    return UpdateReport(
        frame=FRAME,
        boot=BOOT,
        order_id=str(uuid.uuid4()),
        release=release,
        state=UpdateState.KEPT,
        at=1.0,
        weights_sha256="b" * 64,
    )


def test_what_comes_twice_is_stored_once(known):
    assert write(known, received(1), received(2)).stored == 2
    again = write(known, received(1), received(2), received(2), received(3))
    assert (again.stored, again.duplicates) == (1, 3)
    assert again.settled == [Settled(FRAME, BOOT, 3)]
    with known.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 3
        assert session.scalar(select(func.count()).select_from(Playback)) == 3


def test_out_of_order_messages_settle_when_the_gap_closes(known):
    assert write(known, received(2), received(4)).settled == [Settled(FRAME, BOOT, 0)]
    assert write(known, received(1)).settled == [Settled(FRAME, BOOT, 2)]
    assert write(known, received(3)).settled == [Settled(FRAME, BOOT, 4)]


def test_a_floor_settles_what_the_frame_dropped(known):
    assert write(known, received(9, floor=8)).settled == [Settled(FRAME, BOOT, 7)]
    assert write(known, received(8, floor=1)).settled == [Settled(FRAME, BOOT, 9)]


def test_a_random_order_with_repeats_ends_settled_and_single(known):
    order = random.Random(7).choices(range(1, 41), k=200)
    last = 0
    for start in range(0, len(order), 20):
        outcome = write(known, *[received(seq) for seq in order[start : start + 20]])
        last = outcome.settled[0].seq
    missing = sorted(set(range(1, 41)) - set(order))
    assert last == (missing[0] - 1 if missing else 40)
    with known.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == len(set(order))


def test_messages_of_an_unknown_frame_are_left_out(known):
    outcome = write(known, received(1, frame="frame-bbbb2222"), received(1))
    assert (outcome.stored, outcome.unknown) == (1, 1)


def test_health_says_what_the_frame_runs(known):
    write(known, received(1, health()))
    with known.reading() as session:
        condition = session.get_one(FrameCondition, FRAME)
    assert (condition.model_id, condition.agent_version) == ("nano-000000000000", "0.1.0")


def test_a_kept_report_signed_by_the_frame_is_verified(known):
    write(known, received(1, signed(kept())))
    with known.reading() as session:
        assert session.scalars(select(UpdateStep.verified)).all() == [True]
        assert session.get_one(FrameCondition, FRAME).weights_sha256 == "b" * 64


def test_a_report_signed_by_another_key_is_kept_as_unverified_and_changes_nothing(known):
    write(known, received(1, signed(kept(), ec.generate_private_key(ec.SECP256R1()))))
    with known.reading() as session:
        assert session.scalars(select(UpdateStep.verified)).all() == [False]
        assert session.get_one(FrameCondition, FRAME).weights_sha256 is None


def test_completion_is_counted_by_fill_and_model(known):
    write(
        known,
        received(1, playback(completed=True, fill=Fill.IDLE, model_id="nano-a")),
        received(2, playback(completed=False, fill=Fill.IDLE, model_id="nano-b")),
        received(3, playback(completed=True, fill=Fill.REPEAT, model_id="nano-b")),
    )
    with known.reading() as session:
        found = completion.completion(session, completion.Filter())
        days = completion.by_day(session, 3)
        listed, total = completion.playbacks(session, completion.Filter(completed=False), limit=10, offset=0)
    assert (found.overall.playbacks, found.overall.completed) == (3, 2)
    assert found.by_fill["idle"].rate == 0.5
    assert found.by_model["nano-b"].rate == 0.5
    assert [rate.playbacks for _, rate in days] == [0, 0, 3]
    assert (total, listed[0].model_id) == (1, "nano-b")
