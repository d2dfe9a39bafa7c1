"""Every event in every state: the whole table, so that no pair is left to be found out on a frame.

A cell is the state that follows; ``.`` nothing changes at all, ``+`` the state stays and the journal remembers
something, ``x`` the program is at fault and says so instead of writing it down.
"""

import inspect

import pytest

from device_agent.errors import UpdateFailed
from device_agent.update import machine
from device_agent.update.machine import MAX_TRIES, MAX_WRONG_HASHES
from frame_protocol.updates import HealthFigures, UpdateState
from tests.device_agent.update.test_machine import MOMENT, MOVES, RELEASE, in_state, order

STATES = [state.value for state in UpdateState]


def times(count, event):
    def repeated(journal):
        for _ in range(count):
            journal = event(journal)
        return journal

    return repeated


EVENTS = {
    "accept, the same order": lambda journal: machine.accept(journal, order(1), MOMENT) or journal,
    "accept, another order": lambda journal: machine.accept(journal, order(2, "two"), MOMENT) or journal,
    "downloading": lambda journal: machine.downloading(journal, RELEASE, MOMENT),
    "wrong_hash": lambda journal: machine.wrong_hash(journal, MOMENT),
    "wrong_hash, the last": times(MAX_WRONG_HASHES, lambda journal: machine.wrong_hash(journal, MOMENT)),
    "verified": lambda journal: machine.verified(journal, MOMENT),
    "installed": lambda journal: machine.installed(journal, MOVES, "c" * 64, MOMENT),
    "trying": lambda journal: machine.trying(journal, MOMENT),
    "count_try": machine.count_try,
    "count_try, one too many": times(MAX_TRIES + 1, machine.count_try),
    "condemn": lambda journal: machine.condemn(journal, "it fell over"),
    "kept": lambda journal: machine.kept(journal, HealthFigures(), MOMENT),
    "reverted": lambda journal: machine.reverted(journal, MOMENT),
    "refuse": lambda journal: machine.refuse(journal, "not for me", MOMENT),
    "abandon": lambda journal: machine.abandon(journal, "factory reset", MOMENT),
    "forget": machine.forget,
    "sent": lambda journal: machine.sent(journal, journal.unsent[0]) if journal.unsent else journal,
}

TABLE = """
                         idle    offered     downloading verified  installed trying   kept    reverted refused
accept, the same order   offered .           .           .         .         .        .       .        .
accept, another order    offered offered     offered     offered   .         .        offered offered  offered
downloading              x       downloading x           x         x         x        x       x        x
wrong_hash               x       +           +           +         +         +        +       +        +
wrong_hash, the last     x       refused     refused     refused   x         x        x       x        x
verified                 x       x           verified    x         x         x        x       x        x
installed                x       x           x           installed x         x        x       x        x
trying                   x       x           x           x         trying    x        x       x        x
count_try                x       +           +           +         +         +        +       .        +
count_try, one too many  x       +           +           +         +         +        +       .        +
condemn                  x       +           +           +         +         +        +       .        +
kept                     x       x           x           x         x         kept     x       x        x
reverted                 x       x           x           x         reverted  reverted x       x        x
refuse                   x       refused     refused     refused   x         x        x       x        x
abandon                  .       refused     refused     refused   reverted  reverted .       .        .
forget                   .       idle        idle        idle      idle      idle     idle    idle     idle
sent                     .       +           +           +         +         +        +       +        +
"""


def cells() -> list[tuple[str, str, str]]:
    """Return (state, event, what is expected) of every cell."""
    header, *rows = TABLE.strip("\n").splitlines()
    assert header.split() == STATES
    width = len(header) - len(header.lstrip())
    return [
        (state, row[:width].strip(), cell)
        for row in rows
        for state, cell in zip(STATES, row[width:].split(), strict=True)
    ]


@pytest.mark.parametrize(("state", "event", "expected"), cells())
def test_every_event_in_every_state(state, event, expected):
    journal = in_state(UpdateState(state))
    if expected == "x":
        with pytest.raises(UpdateFailed, match="fault of ours"):
            EVENTS[event](journal)
        return
    following = EVENTS[event](journal)
    assert following.state.value == (state if expected in ("+", ".") else expected)
    assert (following == journal) == (expected == ".")


def test_the_table_leaves_out_no_event_and_no_state():
    assert {event for _, event, _ in cells()} == set(EVENTS)
    assert len(cells()) == len(EVENTS) * len(UpdateState)
    transitions = {
        name
        for name, function in inspect.getmembers(machine, inspect.isfunction)
        if function.__module__ == machine.__name__
        and not name.startswith("_")
        and inspect.signature(function).return_annotation is not bool
    }
    assert {event.split(",")[0] for event in EVENTS} == transitions


def test_a_transition_reports_itself_and_what_does_not_move_says_nothing():
    for state, event, expected in cells():
        if expected == "x" or event.startswith("sent"):
            continue
        journal = in_state(UpdateState(state))
        following = EVENTS[event](journal)
        new = [report.state.value for report in following.unsent[len(journal.unsent) :]]
        moved = expected not in ("+", ".") and event != "forget"
        assert new[-1:] == ([expected] if moved else []), (state, event)
