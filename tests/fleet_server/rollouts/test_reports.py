"""What frames report is counted once, only for their own orders, and never moves a frame back."""

from sqlalchemy import select

from fleet_server.db import utc_now
from fleet_server.devices.models import ClaimCode, Frame
from fleet_server.rollouts import queries
from fleet_server.rollouts.models import StoredReport
from fleet_server.rollouts.policy import order_id
from frame_protocol.updates import HealthFigures, UpdateReport
from frame_protocol.updates import UpdateState as S
from tests.support.rollouts import WHOLE_WAY, apply, assigned, counts, published, report, run


def test_reports_are_counted_once_however_often_they_come(rollout, frame, database):
    reports = [report(rollout, frame.frame_id, state) for state in WHOLE_WAY]
    assert apply(database, *reports) == [True] * 6
    assert apply(database, *reports) == [False] * 6
    assert counts(database, rollout) == {S.KEPT: 1}
    with database.reading() as session:
        assert len(session.scalars(select(StoredReport)).all()) == 6


def test_a_report_that_comes_late_moves_nothing_back(rollout, frame, database):
    apply(database, report(rollout, frame.frame_id, S.KEPT), report(rollout, frame.frame_id, S.TRYING))
    assert counts(database, rollout) == {S.KEPT: 1}


def test_what_a_frame_measured_is_kept(rollout, frame, database):
    health = HealthFigures(token_agreement=0.98, fps=31.0)
    apply(database, report(rollout, frame.frame_id, S.KEPT, weights_sha256="b" * 64, health=health))
    with database.reading() as session:
        stored = queries.reports(session, order_id(rollout.key, frame.frame_id))[0]
    assert (stored.health["token_agreement"], stored.weights_sha256) == (0.98, "b" * 64)


def test_an_order_that_nobody_gave_changes_nothing(rollout, frame, database):
    strange = UpdateReport(
        frame=frame.frame_id, boot="0" * 16, order_id="0" * 8 + "-0000-0000-0000-" + "0" * 12, release="base",
        state=S.KEPT, at=1.0,
    )  # fmt: skip
    assert apply(database, strange) == [False]
    assert counts(database, rollout) == {}


def test_a_frame_cannot_report_for_another(rollout, frame, new_frame, database):
    other = new_frame("SER-0002").frame_id
    theirs = order_id(rollout.key, frame.frame_id)
    forged = UpdateReport(frame=other, boot="0" * 16, order_id=theirs, release="base", state=S.REVERTED, at=1.0)
    assert apply(database, forged) == [False]


def test_a_frame_is_assigned_and_reports_on_both_databases(any_database):
    """The same SQL on SQLite and PostgreSQL."""
    with any_database.transaction() as session:
        session.add(ClaimCode(id=1, code_hmac="x", hint="ABCD", created_by="test", created_at=utc_now()))
        session.flush()
        session.add(
            Frame(
                id="frame-ab12", serial="S-1", claim_code_id=1, hardware="lf-1", timezone="UTC", public_key_pem="",
                enrolled_at=utc_now(),
            )
        )  # fmt: skip
        session.add(published("base", 1))
    rollout = run(any_database, "base", percent=100)
    assert assigned(any_database, "frame-ab12").release == "base"
    health = HealthFigures(firmware_counter=2**40)
    reports = [report(rollout, "frame-ab12", state, health=health) for state in WHOLE_WAY]
    assert apply(any_database, *reports, *reports) == [True] * 6 + [False] * 6
    assert counts(any_database, rollout) == {S.KEPT: 1}
    assert assigned(any_database, "frame-ab12") is None
    with any_database.reading() as session:
        (candidate,) = queries.frame_view(session, "frame-ab12").candidates
    assert candidate.kept_counters["firmware"] == 2**40
