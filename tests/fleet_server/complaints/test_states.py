import itertools

import pytest

from fleet_server.complaints.states import STEPS, Step, after, steps_from
from fleet_server.errors import Conflict
from frame_protocol.complaints import ComplaintState


def test_the_way_to_a_fix():
    state = ComplaintState.FILED
    for step in (Step.CONFIRM, Step.OFFER_FIX, Step.OFFER_FIX, Step.FIX_KEPT):
        state = after(state, step)
    assert state is ComplaintState.FIXED


@pytest.mark.parametrize(
    ("state", "step"), [pair for pair in itertools.product(ComplaintState, Step) if pair not in STEPS]
)
def test_every_other_step_is_refused_with_what_is_possible(state, step):
    with pytest.raises(Conflict, match="possible is"):
        after(state, step)


def test_nothing_follows_the_ends():
    assert steps_from(ComplaintState.FIXED) == steps_from(ComplaintState.REJECTED) == []
