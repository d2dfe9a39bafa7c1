"""Who gets what, and when it stops: pure."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.rollouts.policy import (
    ACTIONS,
    BUCKETS,
    ORDER,
    Action,
    Candidate,
    HaltRule,
    RolloutState,
    Stage,
    bucket,
    choose,
    includes,
    is_complete,
    must_halt,
    order_id,
)
from frame_protocol.updates import FINAL, TRANSITIONS, UpdateState

FRAME = "frame-ab12"
KEY = "11111111-2222-3333-4444-555555555555"
EVERYONE = [Stage(percent=100)]
CANDIDATE = Candidate(
    rollout_id=1,
    key=KEY,
    stages=EVERYONE,
    release="one",
    line="models",
    counter=5,
    base_weights_sha256=None,
    state=None,
    kept_counters={},
)


def test_buckets_spread_a_fleet_evenly():
    frames = [f"frame-{number:06d}" for number in range(20_000)]
    inside = sum(includes([Stage(percent=5)], KEY, frame) for frame in frames)
    assert inside == pytest.approx(1000, rel=0.1)


def test_each_rollout_draws_its_own_share():
    frames = [f"frame-{number:06d}" for number in range(2000)]
    first, second = (
        {frame for frame in frames if includes([Stage(percent=10)], str(uuid4()), frame)} for _ in range(2)
    )
    assert len(first & second) < len(first) / 2


@given(st.floats(0, 100), st.floats(0, 100), st.text(max_size=20))
def test_a_wider_share_holds_the_narrower_one(small, large, frame):
    small, large = sorted((small, large))
    assert not includes([Stage(percent=small)], KEY, frame) or includes([Stage(percent=large)], KEY, frame)


def test_everyone_is_everyone_and_nobody_nobody():
    frames = [f"frame-{number:06d}" for number in range(2000)]
    assert all(includes(EVERYONE, KEY, frame) for frame in frames)
    assert not any(includes([Stage(percent=0)], KEY, frame) for frame in frames)
    assert all(0 <= bucket(KEY, frame) < BUCKETS for frame in frames)


def test_a_named_frame_is_in_whatever_the_share():
    assert includes([Stage(frames=(FRAME,))], KEY, FRAME)
    assert not includes([Stage(frames=(FRAME,))], KEY, "frame-zz99")


def test_an_order_is_the_same_whenever_it_is_computed():
    assert order_id(KEY, FRAME) == order_id(KEY, FRAME) != order_id(KEY, "frame-zz99")
    assert UUID(order_id(KEY, FRAME))


@pytest.mark.parametrize("state", [None, *UpdateState])
def test_a_frame_that_ended_in_a_rollout_is_not_offered_it_again(state):
    chosen = choose(FRAME, None, [replace(CANDIDATE, state=state)])
    assert (chosen is None) == (state in FINAL)


@pytest.mark.parametrize(("kept", "offered"), [(0, True), (4, True), (5, False), (6, False)])
def test_only_what_is_newer_than_kept_is_offered(kept, offered):
    assert (choose(FRAME, None, [replace(CANDIDATE, kept_counters={"models": kept})]) is not None) == offered


@pytest.mark.parametrize(
    ("base", "active", "offered"),
    [(None, None, True), (None, "a", True), ("a", "a", True), ("a", "b", False), ("a", None, False)],
)
def test_a_delta_goes_to_frames_that_run_its_base(base, active, offered):
    assert (choose(FRAME, active, [replace(CANDIDATE, base_weights_sha256=base)]) is not None) == offered


@pytest.mark.parametrize(
    ("required", "kept", "offered"),
    [
        ({}, {}, True),
        ({"firmware": 7}, {}, False),
        ({"firmware": 7}, {"firmware": 6}, False),
        ({"firmware": 7}, {"firmware": 7}, True),
        ({"firmware": 7, "models": 3}, {"firmware": 8, "models": 2}, False),
        ({"firmware": 7, "models": 3}, {"firmware": 8, "models": 3}, True),
    ],
)
def test_a_release_goes_to_frames_that_have_kept_what_it_needs(required, kept, offered):
    candidate = replace(CANDIDATE, required_counters=required, kept_counters=kept)
    assert (choose(FRAME, None, [candidate]) is not None) == offered


def test_a_step_is_offered_before_what_comes_after_it():
    step = replace(CANDIDATE, rollout_id=2, release="step", counter=6)
    later = replace(CANDIDATE, rollout_id=3, release="later", counter=7, required_counters={"models": 6})
    assert choose(FRAME, None, [step, later]).release == "step"
    kept = [replace(candidate, kept_counters={"models": 6}) for candidate in (step, later)]
    assert choose(FRAME, None, kept).release == "later"


def test_the_newest_that_fits_is_chosen():
    delta = replace(CANDIDATE, rollout_id=2, release="fix", counter=6, base_weights_sha256="a")
    assert choose(FRAME, "a", [CANDIDATE, delta]).release == "fix"
    assert choose(FRAME, "b", [CANDIDATE, delta]).release == "one"
    assert choose(FRAME, "a", []) is None


@pytest.mark.parametrize(
    ("reverted", "kept", "halts"),
    [(0, 0, False), (1, 0, False), (2, 0, True), (2, 97, True), (2, 98, False), (3, 98, True), (0, 1000, False)],
)
def test_a_rollout_stops_when_too_many_go_back(reverted, kept, halts):
    counts = {UpdateState.REVERTED: reverted, UpdateState.KEPT: kept, UpdateState.REFUSED: 50}
    why = must_halt(counts, HaltRule())
    assert (why is not None) == halts
    if halts:
        assert f"{reverted} of {reverted + kept} frames" in why


def test_a_rollout_of_named_frames_is_complete_when_all_have_ended():
    stages = [Stage(frames=("a", "b"))]
    assert [is_complete(stages, ended) for ended in (0, 1, 2)] == [False, False, True]
    assert not is_complete(EVERYONE, 10_000)
    assert not is_complete([Stage(frames=("a",)), Stage(percent=1)], 5)


def test_a_report_that_comes_late_never_moves_a_frame_back():
    for state, following in TRANSITIONS.items():
        for after in following - {UpdateState.OFFERED}:
            assert ORDER[after] > ORDER[state] or state in FINAL


def test_every_state_says_what_may_be_done():
    assert set(ACTIONS) == set(RolloutState)
    assert {action for allowed in ACTIONS.values() for action in allowed} == set(Action)
    assert not ACTIONS[RolloutState.WITHDRAWN]
