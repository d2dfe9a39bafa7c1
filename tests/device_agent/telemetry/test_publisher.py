"""When what goes out again: values in, values out."""

from device_agent.telemetry.outbox import Pending
from device_agent.telemetry.publisher import Resend


def window(*seqs: int) -> list[Pending]:
    return [Pending(1, "0" * 16, seq, 1, 0.0, b"") for seq in seqs]


def seqs(due) -> list[int]:
    return [item.seq for item in due]


def test_only_what_has_not_gone_out_on_this_connection_goes_out():
    state, due = Resend().select(window(1, 2), 0.0)
    assert seqs(due) == [1, 2]
    state, due = state.select(window(1, 2, 3), 1.0)
    assert seqs(due) == [3]


def test_after_a_reconnection_all_that_is_left_goes_out_again():
    state, _ = Resend().select(window(1, 2), 0.0)
    _, due = state.connected().select(window(1, 2), 1.0)
    assert seqs(due) == [1, 2]


def test_without_an_acknowledgement_it_goes_out_after_10_20_40_and_at_most_300_seconds():
    state, now, waits = Resend(), 0.0, []
    state, _ = state.select(window(1), now)
    last = now
    while len(waits) < 8:
        now += 1.0
        state, due = state.select(window(1), now)
        if due:
            waits.append(now - last)
            last = now
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_an_acknowledgement_makes_the_patience_start_anew():
    state, _ = Resend().select(window(1, 2), 0.0)
    state, due = state.select(window(1, 2), 10.0)
    assert seqs(due) == [1, 2]
    state = state.acknowledged(12.0)
    state, due = state.select(window(2), 21.0)
    assert seqs(due) == []
    state, due = state.select(window(2), 22.0)
    assert seqs(due) == [2]


def test_an_empty_outbox_waits_for_nothing():
    state, _ = Resend().select(window(1), 0.0)
    state, due = state.select([], 5.0)
    assert (due, state.deadline) == ((), None)
    state, due = state.select(window(2), 100.0)
    assert seqs(due) == [2]
