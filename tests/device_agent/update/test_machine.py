"""The transitions of an update: every arrow of the contract, no other, each state reported once."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.errors import UpdateFailed
from device_agent.update import machine
from device_agent.update.journal import CLOSED_KEPT, Journal, Move, Place, load, save
from device_agent.update.machine import MAX_TRIES, MAX_WRONG_HASHES, Moment
from frame_protocol.updates import (
    FINAL,
    TRANSITIONS,
    Artefact,
    ArtefactKind,
    Assignment,
    HealthFigures,
    Line,
    Release,
    UpdateState,
)

MOMENT = Moment(frame="frame-ab12", boot="0" * 16, at=1.0)
RELEASE = Release(
    name="one",
    counter=7,
    artefacts=[Artefact(kind=ArtefactKind.MODEL, path="models/one/one.tar", length=1, sha256="a" * 64)],
)

MOVES = {Place.MODEL: Move(slot="b", previous="a")}


def order(number: int, release: str = "one") -> Assignment:
    return Assignment(
        frame="frame-ab12", order_id=f"00000000-0000-0000-0000-{number:012d}", release=release, line=Line.MODELS
    )


ACTIONS = {
    UpdateState.OFFERED: lambda journal: machine.accept(journal, order(99), MOMENT) or journal,
    UpdateState.DOWNLOADING: lambda journal: machine.downloading(journal, RELEASE, MOMENT),
    UpdateState.VERIFIED: lambda journal: machine.verified(journal, MOMENT),
    UpdateState.INSTALLED: lambda journal: machine.installed(journal, MOVES, "c" * 64, MOMENT),
    UpdateState.TRYING: lambda journal: machine.trying(journal, MOMENT),
    UpdateState.KEPT: lambda journal: machine.kept(journal, HealthFigures(), MOMENT),
    UpdateState.REVERTED: lambda journal: machine.reverted(machine.condemn(journal, "it fell over"), MOMENT),
    UpdateState.REFUSED: lambda journal: machine.refuse(journal, "not for me", MOMENT),
}
WAY = {
    UpdateState.OFFERED: (),
    UpdateState.DOWNLOADING: (UpdateState.DOWNLOADING,),
    UpdateState.VERIFIED: (UpdateState.DOWNLOADING, UpdateState.VERIFIED),
    UpdateState.INSTALLED: (UpdateState.DOWNLOADING, UpdateState.VERIFIED, UpdateState.INSTALLED),
}
WAY[UpdateState.TRYING] = (*WAY[UpdateState.INSTALLED], UpdateState.TRYING)
WAY[UpdateState.KEPT] = (*WAY[UpdateState.TRYING], UpdateState.KEPT)
WAY[UpdateState.REVERTED] = (*WAY[UpdateState.TRYING], UpdateState.REVERTED)
WAY[UpdateState.REFUSED] = (UpdateState.REFUSED,)


def in_state(state: UpdateState) -> Journal:
    if state is UpdateState.IDLE:
        return Journal()
    journal = machine.accept(Journal(), order(1), MOMENT)
    for step in WAY[state]:
        journal = ACTIONS[step](journal)
    assert journal.state is state
    return journal


ARROWS = [
    (source, target)
    for source, target in itertools.product(UpdateState, ACTIONS)
    if target is not UpdateState.OFFERED and source is not UpdateState.IDLE
]


@pytest.mark.parametrize(("source", "target"), ARROWS)
def test_an_arrow_is_followed_exactly_when_the_contract_has_it(source, target):
    journal = in_state(source)
    if target in TRANSITIONS[source]:
        following = ACTIONS[target](journal)
        assert following.state is target
        assert [report.state for report in following.unsent] == [report.state for report in journal.unsent] + [target]
        assert (order(1).order_id in following.closed) == (target in FINAL)
    else:
        with pytest.raises(UpdateFailed, match="fault of ours"):
            ACTIONS[target](journal)


@pytest.mark.parametrize("state", UpdateState)
def test_a_new_order_is_taken_up_unless_one_must_first_end(state):
    journal = in_state(state)
    following = machine.accept(journal, order(2, "two"), MOMENT)
    if state in (UpdateState.INSTALLED, UpdateState.TRYING):
        assert following is None
        return
    assert (following.state, following.order.order_id) == (UpdateState.OFFERED, order(2).order_id)
    was_open = state in (UpdateState.OFFERED, UpdateState.DOWNLOADING, UpdateState.VERIFIED)
    refused = [report for report in following.unsent if report.state is UpdateState.REFUSED and report.reason]
    assert [report.reason for report in refused if "superseded" in report.reason] == (
        ["superseded by the order for two"] if was_open else []
    )


@pytest.mark.parametrize("state", [state for state in UpdateState if state is not UpdateState.IDLE])
def test_the_same_order_is_never_taken_up_twice(state):
    assert machine.accept(in_state(state), order(1), MOMENT) is None


def test_what_was_kept_raises_the_counter_of_its_line_only():
    journal = in_state(UpdateState.KEPT)
    assert journal.kept_counters == {Line.MODELS: 7}
    assert journal.unsent[-1].weights_sha256 == "c" * 64


def test_going_back_says_why_and_keeps_the_counter():
    journal = in_state(UpdateState.REVERTED)
    assert journal.unsent[-1].reason == "it fell over"
    assert journal.kept_counters == {}


def test_a_reset_forgets_what_it_takes_back_and_no_more():
    journal = Journal(kept_counters={Line.FIRMWARE: 9, Line.MODELS: 7, Line.SEASONAL: 3})
    assert machine.forget(journal).kept_counters == {Line.FIRMWARE: 9}


def test_a_version_that_never_gets_through_its_self_test_must_go_back():
    journal = in_state(UpdateState.TRYING)
    for start in range(1, MAX_TRIES + 1):
        journal = machine.count_try(journal)
        assert (journal.order.tries, journal.order.verdict) == (start, "")
    assert machine.count_try(journal).order.verdict


def test_one_wrong_file_may_be_an_accident_and_three_are_not():
    journal = in_state(UpdateState.DOWNLOADING)
    for _ in range(MAX_WRONG_HASHES - 1):
        journal = machine.wrong_hash(journal, MOMENT)
        assert journal.state is UpdateState.DOWNLOADING
    assert machine.wrong_hash(journal, MOMENT).state is UpdateState.REFUSED


def test_only_so_many_closed_orders_are_remembered():
    journal = Journal()
    for number in range(CLOSED_KEPT + 10):
        journal = machine.refuse(machine.accept(journal, order(number), MOMENT), "no", MOMENT)
    assert len(journal.closed) == CLOSED_KEPT
    assert machine.accept(journal, order(CLOSED_KEPT + 9), MOMENT) is None


def test_a_report_leaves_once_it_is_sent():
    journal = in_state(UpdateState.VERIFIED)
    first = journal.unsent[0]
    assert first not in machine.sent(journal, first).unsent
    assert len(machine.sent(journal, first).unsent) == len(journal.unsent) - 1


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(list(UpdateState)), st.text(max_size=500))
def test_a_journal_survives_its_file(tmp_path_factory, state, reason):
    journal = in_state(state)
    if journal.order is not None:
        journal = machine.condemn(journal, reason)
    path = tmp_path_factory.mktemp("journal") / "journal.json"
    save(path, journal)
    assert load(path) == journal
