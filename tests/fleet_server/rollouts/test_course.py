"""How a rollout starts, stops, goes on and ends, by a person's hand or by itself."""

import pytest
from sqlalchemy import select

from fleet_server.audit.models import AuditEntry
from fleet_server.devices.models import PendingCommand
from fleet_server.errors import Conflict, Invalid, NotFound
from fleet_server.rollouts import service
from fleet_server.rollouts.policy import Action, HaltRule, RolloutState, Stage
from frame_protocol.updates import UpdateState as S
from tests.support.rollouts import apply, assigned, report, run, state_of


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


def test_frames_are_hinted_at_when_it_starts(rollout, frame, database):
    with database.reading() as session:
        assert [row.frame_id for row in session.scalars(select(PendingCommand))] == [frame.frame_id]


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
