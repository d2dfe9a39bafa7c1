"""Which release a frame is offered next, after what it has reported so far."""

import json

import pytest

from fleet_server.rollouts.policy import order_id
from fleet_server.telemetry.store import touch_condition
from frame_protocol.updates import HealthFigures
from frame_protocol.updates import UpdateState as S
from tests.support.rollouts import apply, assigned, published, report, run


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


def test_what_a_release_needs_of_another_line_is_kept_first(database, releases, frame):
    manifest = {"requires": {"counters": {"models": 1}}}
    with database.transaction() as session:
        session.add(published("songs", 9, line="seasonal", manifest=json.dumps(manifest)))
    run(database, "songs", percent=100)
    assert assigned(database, frame.frame_id) is None
    base = run(database, "base", percent=100)
    assert assigned(database, frame.frame_id).release == "base"
    apply(database, report(base, frame.frame_id, S.KEPT))
    assert assigned(database, frame.frame_id).release == "songs"


def test_a_frame_whose_factory_put_a_later_firmware_on_need_not_pass_through_a_step(database, releases, frame):
    """It refuses the step as one of before, and says so; it must not wait behind it for ever."""
    with database.transaction() as session:
        session.add(published("fw-3", 3, line="firmware"))
        needs = {"requires": {"counters": {"firmware": 3}}}
        session.add(published("fw-6", 6, line="firmware", manifest=json.dumps(needs)))
    step = run(database, "fw-3", percent=100)
    run(database, "fw-6", percent=100)
    assert assigned(database, frame.frame_id).release == "fw-3"
    heard = HealthFigures(firmware_counter=5)
    apply(database, report(step, frame.frame_id, S.OFFERED, "fw-3", health=heard))
    apply(database, report(step, frame.frame_id, S.REFUSED, "fw-3"))
    assert assigned(database, frame.frame_id).release == "fw-6"
