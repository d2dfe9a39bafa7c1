"""A rollout from the form to the last report, on the real database and through the real doors."""

import json
import re
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import event, select

from fleet_server.audit.models import AuditEntry
from fleet_server.auth.permissions import Role
from fleet_server.db import utc_now
from fleet_server.devices import service as devices
from fleet_server.devices.models import PendingCommand
from fleet_server.errors import Conflict, Forbidden, Invalid, NotFound
from fleet_server.pki.certificates import serial_hex
from fleet_server.releases.models import Release
from fleet_server.rollouts import queries, service
from fleet_server.rollouts.models import StoredReport
from fleet_server.rollouts.policy import Action, HaltRule, RolloutState, Stage, order_id
from fleet_server.signing.director import Director
from fleet_server.telemetry.store import touch_condition
from frame_protocol.codec import decode
from frame_protocol.updates import (
    ASSIGNMENT_FIELD,
    Assignment,
    DirectorMetadata,
    HealthFigures,
    UpdateReport,
    UpdateState,
)
from tests.support.repository import hold_ceremony

S = UpdateState
WHOLE_WAY = [S.OFFERED, S.DOWNLOADING, S.VERIFIED, S.INSTALLED, S.TRYING, S.KEPT]


@pytest.fixture
def releases(database):
    """Three published releases: a base, a delta to it, and a newer base."""
    rows = [("base", 1, None, "b" * 64), ("fix", 2, "b" * 64, "c" * 64), ("next", 3, None, "d" * 64)]
    with database.transaction() as session:
        for name, counter, base, result in rows:
            session.add(
                Release(
                    name=name, line="models", counter=counter, title="", base_weights_sha256=base,
                    result_weights_sha256=result, manifest="{}", published_at=utc_now(), published_by="test",
                )
            )  # fmt: skip


@pytest.fixture
def fleet_of(new_frame):
    def make(number):
        return [new_frame(f"SER-{index:04d}").frame_id for index in range(number)]

    return make


@pytest.fixture
def rollout(database, releases, frame):
    """A running rollout of the base to one frame."""
    return run(database, "base", frames=(frame.frame_id,))


def run(database, release, rule=None, **stage):
    with database.transaction() as session:
        made = service.create(session, "ada", release, [Stage(**stage)], rule)
        service.act(session, "ada", made.id, Action.START)
    return made


def report(rollout, frame_id, state, release="base", **more):
    return UpdateReport(
        frame=frame_id, boot="0" * 16, order_id=order_id(rollout.key, frame_id), release=release, state=state, at=1.0,
        **more,
    )  # fmt: skip


def apply(database, *reports):
    with database.transaction() as session:
        return [service.apply_report(session, one, "signature") for one in reports]


def counts(database, rollout):
    with database.reading() as session:
        return queries.counts(session, rollout.id)


def state_of(database, rollout):
    with database.reading() as session:
        found = service.get(session, rollout.id)
        return RolloutState(found.state), found.reason


def assigned(database, frame_id):
    with database.reading() as session:
        return service.assignment(session, frame_id)


@pytest.fixture(scope="module")
def ceremony_dir(tmp_path_factory):
    return hold_ceremony(tmp_path_factory.mktemp("keys") / "ceremony")


@pytest.fixture
def director(config, ceremony_dir):
    """The server has a director."""
    Director(config.tuf_dir).install(ceremony_dir / "server")


def assignment_in(body):
    targets = json.loads(bytes(decode(body, DirectorMetadata).targets))["signed"]["targets"]
    assert targets.keys() == {"releases/models/base.json"}
    return msgspec.convert(targets["releases/models/base.json"]["custom"][ASSIGNMENT_FIELD], Assignment)


def test_a_frame_is_told_its_assignment_and_the_same_order_each_time(rollout, director, frame, as_frame):
    client = as_frame(frame)
    first, second = (assignment_in(client.get("/device/v1/assignment").data) for _ in range(2))
    assert first == second
    assert (first.frame, first.release, first.line) == (frame.frame_id, "base", "models")
    assert (first.hardware, first.counter) == ("sim-1", 1)
    assert first.order_id == order_id(rollout.key, frame.frame_id)


def test_a_server_without_a_director_says_so(rollout, frame, as_frame):
    answer = as_frame(frame).get("/device/v1/assignment")
    assert (answer.status_code, answer.json["title"]) == (503, "Not available yet")


def test_a_frame_that_is_not_in_the_rollout_has_nothing_to_do(rollout, new_frame, as_frame):
    answer = as_frame(new_frame("SER-0002")).get("/device/v1/assignment")
    assert (answer.status_code, answer.data) == (204, b"")


def test_nobody_gets_an_assignment_without_a_certificate(rollout, as_frame):
    assert as_frame(None).get("/device/v1/assignment").status_code == 401


def test_a_poll_asks_the_database_once_for_the_assignment(rollout, frame, database):
    seen = []
    event.listen(database.engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    assigned(database, frame.frame_id)
    assert [statement.split()[0] for statement in seen if not statement.startswith("BEGIN")] == ["SELECT"]


def test_a_poll_without_anything_to_do_asks_it_once_in_all(rollout, new_frame, as_frame, database):
    client = as_frame(new_frame("SER-0002"))
    seen = []
    event.listen(database.engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    assert client.get("/device/v1/assignment").status_code == 204
    assert [statement.split()[0] for statement in seen if not statement.startswith("BEGIN")] == ["SELECT"]


def test_a_frame_that_was_shut_out_is_told_nothing(rollout, frame, as_frame, database):
    with database.transaction() as session:
        devices.revoke(session, "ada", frame.frame_id, "stolen")
    answer = as_frame(frame).get("/device/v1/assignment")
    assert (answer.status_code, "revoked" in answer.json["detail"]) == (403, True)


def test_a_certificate_that_shows_another_frames_name_is_worth_nothing(rollout, frame, new_frame, database):
    other = new_frame("SER-0002")
    with database.reading() as session, pytest.raises(Forbidden):
        service.assignment(session, frame.frame_id, serial_hex(other.certificate_der))
    with database.reading() as session:
        assert service.assignment(session, frame.frame_id, serial_hex(frame.certificate_der)).release == "base"


def test_what_a_release_needs_of_another_line_is_kept_first(database, releases, frame):
    manifest = {"requires": {"counters": {"models": 1}}}
    with database.transaction() as session:
        session.add(
            Release(
                name="songs", line="seasonal", counter=9, title="", manifest=json.dumps(manifest),
                published_at=utc_now(), published_by="test",
            )
        )  # fmt: skip
    run(database, "songs", percent=100)
    assert assigned(database, frame.frame_id) is None
    base = run(database, "base", percent=100)
    assert assigned(database, frame.frame_id).release == "base"
    apply(database, report(base, frame.frame_id, S.KEPT))
    assert assigned(database, frame.frame_id).release == "songs"


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


@pytest.mark.parametrize("state", [S.KEPT, S.REVERTED, S.REFUSED])
def test_a_frame_that_ended_is_not_asked_again(releases, frame, database, state):
    rollout = run(database, "base", percent=100)
    apply(database, report(rollout, frame.frame_id, state))
    assert assigned(database, frame.frame_id) is None


def test_a_new_rollout_is_a_new_order_for_a_frame_that_went_back(releases, frame, database):
    first = run(database, "base", percent=100)
    apply(database, report(first, frame.frame_id, S.REVERTED))
    second = run(database, "base", percent=100)
    assert assigned(database, frame.frame_id).order_id == order_id(second.key, frame.frame_id)


def test_a_delta_is_offered_once_its_base_runs_and_not_again(releases, frame, database):
    base = run(database, "base", percent=100)
    fix = run(database, "fix", percent=100)
    assert assigned(database, frame.frame_id).release == "base"
    apply(database, report(base, frame.frame_id, S.KEPT, weights_sha256="b" * 64))
    with database.transaction() as session:
        touch_condition(session, frame.frame_id, {"weights_sha256": "b" * 64})
    assert assigned(database, frame.frame_id).release == "fix"
    apply(database, report(fix, frame.frame_id, S.KEPT, "fix", weights_sha256="c" * 64))
    assert assigned(database, frame.frame_id) is None


def test_what_was_kept_through_another_rollout_counts(releases, frame, database):
    newer = run(database, "next", frames=(frame.frame_id,))
    apply(database, report(newer, frame.frame_id, S.KEPT, "next"))
    run(database, "base", percent=100)
    assert assigned(database, frame.frame_id) is None


def test_a_rollout_of_named_frames_finishes_by_itself(releases, fleet_of, database):
    frames = fleet_of(2)
    rollout = run(database, "base", frames=tuple(frames))
    apply(database, report(rollout, frames[0], S.KEPT))
    assert state_of(database, rollout)[0] is RolloutState.RUNNING
    apply(database, report(rollout, frames[1], S.REFUSED))
    assert state_of(database, rollout)[0] is RolloutState.FINISHED


def test_a_rollout_that_goes_wrong_stops_by_itself_and_says_why(releases, fleet_of, database):
    frames = fleet_of(4)
    rollout = run(database, "base", percent=100, rule=HaltRule(max_reverted_share=0.5, min_reverted=2))
    apply(database, report(rollout, frames[0], S.KEPT), report(rollout, frames[1], S.REVERTED))
    assert assigned(database, frames[3]) is not None
    apply(database, report(rollout, frames[2], S.REVERTED))
    state, reason = state_of(database, rollout)
    assert state is RolloutState.HALTED
    assert reason.startswith("2 of 3 frames that tried it went back")
    assert assigned(database, frames[3]) is None
    with database.reading() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert last.actor == "system"
    assert last.sentence.startswith(f"The server halted rollout {rollout.id} of base: 2 of 3")


def test_stop_now_and_go_on(rollout, frame, database):
    for action, offered in ((Action.HALT, False), (Action.RESUME, True), (Action.WITHDRAW, False)):
        with database.transaction() as session:
            service.act(session, "ada", rollout.id, action, "because")
        assert (assigned(database, frame.frame_id) is not None) == offered
    with database.transaction() as session, pytest.raises(Conflict, match="withdrawn"):
        service.act(session, "ada", rollout.id, Action.RESUME)
    with database.reading() as session:
        sentences = session.scalars(select(AuditEntry.sentence)).all()
    assert f"ada did halt on rollout {rollout.id} of base: because." in sentences


def test_frames_are_hinted_at_when_it_starts(rollout, frame, database):
    with database.reading() as session:
        assert [row.frame_id for row in session.scalars(select(PendingCommand))] == [frame.frame_id]


@pytest.mark.parametrize(
    ("release", "stage", "error"),
    [
        ("unknown", {"percent": 100}, NotFound),
        ("base", {}, Invalid),
        ("base", {"percent": 101}, Invalid),
        ("base", {"frames": ("frame-unknown1",)}, Invalid),
    ],
)
def test_a_rollout_to_nobody_is_refused(releases, database, release, stage, error):
    with database.transaction() as session, pytest.raises(error):
        service.create(session, "ada", release, [Stage(**stage)])


def test_the_api_makes_shows_and_steers_a_rollout(releases, frame, caller, database):
    client = caller(Role.RELEASE_MANAGER)
    made = client.post("/api/v1/rollouts", json={"release": "base", "frames": [frame.frame_id]})
    assert (made.status_code, made.json["state"]) == (201, "running")
    number = made.json["id"]
    with database.reading() as session:
        rollout = service.get(session, number)
    apply(database, report(rollout, frame.frame_id, S.TRYING))
    shown = client.get(f"/api/v1/rollouts/{number}").json
    assert shown["counts"]["trying"] == 1
    assert shown["actions"] == ["halt", "finish", "withdraw"]
    assert client.post(f"/api/v1/rollouts/{number}/halt", json={"reason": "wait"}).json["state"] == "halted"
    assert client.post(f"/api/v1/rollouts/{number}/halt").status_code == 409
    assert client.post(f"/api/v1/rollouts/{number}/explode").status_code == 422
    assert client.post("/api/v1/rollouts", data=b"junk").status_code == 422
    assert [row["id"] for row in client.get("/api/v1/rollouts").json["rollouts"]] == [number]


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.AUDITOR, Role.LABORATORY])
def test_others_watch_and_do_not_touch(rollout, caller, role):
    client = caller(role)
    assert client.get("/api/v1/rollouts").status_code == 200
    assert client.post("/api/v1/rollouts", json={"release": "base", "percent": 100}).status_code == 403
    assert client.post(f"/api/v1/rollouts/{rollout.id}/halt").status_code == 403


def test_every_number_on_the_page_links_to_its_list(releases, fleet_of, caller, database):
    frames = fleet_of(3)
    rollout = run(database, "base", percent=100)
    apply(database, *(report(rollout, frame, S.KEPT) for frame in frames[:2]))
    apply(database, report(rollout, frames[2], S.REVERTED, reason="self-test: 0.4 of the tokens"))
    client = caller(Role.RELEASE_MANAGER)
    page = client.get(f"/rollouts/{rollout.id}").text
    for state, expected in (("kept", frames[:2]), ("reverted", frames[2:]), ("refused", [])):
        link = f"/rollouts/{rollout.id}/frames?state={state}"
        number = re.search(re.escape(link) + r'"[^>]*>\s*(?:<[^>]+>\s*)*(\d+)', page)[1]
        listed = client.get(link).text
        assert int(number) == len(expected)
        assert all((frame in listed) == (frame in expected) for frame in frames)
    assert "0.4 of the tokens" in client.get(f"/rollouts/{rollout.id}/frames?state=reverted").text
    assert "Stop now" in page
    assert client.get(f"/rollouts/{rollout.id}/frames?state=broken").status_code == 422


def test_the_form_makes_a_rollout(releases, frame, caller, database):
    client = caller(Role.RELEASE_MANAGER)
    assert "base" in client.get("/rollouts/new?release=base").text
    answer = client.post("/rollouts", data={"release": "base", "frames": f"{frame.frame_id}\n", "start": "yes"})
    assert answer.status_code == 302
    assert assigned(database, frame.frame_id).release == "base"
    page = client.get(answer.headers["Location"]).text
    assert frame.frame_id in page
    assert "running" in client.get("/rollouts").text
    assert client.post(f"{answer.headers['Location']}/halt", data={"reason": "look first"}).status_code == 302
    assert "look first" in client.get(answer.headers["Location"]).text
    assert client.post("/rollouts", data={"release": "base", "percent": "many"}).status_code == 422


def test_the_pages_speak_chinese(rollout, caller):
    client = caller(Role.SUPPORT)
    page = client.get(f"/rollouts/{rollout.id}", headers={"Accept-Language": "zh"}).text
    assert "推送" in page
    assert datetime.now(UTC).strftime("%Y-%m-%d") in page


def test_a_frame_is_assigned_and_reports_on_both_databases(any_database, config, new_frame):
    """The same SQL on SQLite and PostgreSQL."""
    from fleet_server.devices.models import ClaimCode, Frame

    with any_database.transaction() as session:
        session.add(ClaimCode(id=1, code_hmac="x", hint="ABCD", created_by="test", created_at=utc_now()))
        session.flush()
        session.add(
            Frame(
                id="frame-ab12", serial="S-1", claim_code_id=1, hardware="lf-1", timezone="UTC", public_key_pem="",
                enrolled_at=utc_now(),
            )
        )  # fmt: skip
        session.add(
            Release(
                name="base", line="models", counter=1, title="", manifest="{}", published_at=utc_now(),
                published_by="test",
            )
        )  # fmt: skip
    rollout = run(any_database, "base", percent=100)
    assert assigned(any_database, "frame-ab12").release == "base"
    reports = [report(rollout, "frame-ab12", state) for state in WHOLE_WAY]
    assert apply(any_database, *reports, *reports) == [True] * 6 + [False] * 6
    assert counts(any_database, rollout) == {S.KEPT: 1}
    assert assigned(any_database, "frame-ab12") is None
