"""The states of a complaint and what leads from one to the next (pure)."""

from enum import StrEnum

from fleet_server.errors import Conflict
from frame_protocol.complaints import ComplaintState


class Step(StrEnum):
    """What can happen to a complaint."""

    CONFIRM = "confirm"
    REJECT = "reject"
    OFFER_FIX = "offer-fix"
    FIX_KEPT = "fix-kept"


STEPS: dict[tuple[ComplaintState, Step], ComplaintState] = {
    (ComplaintState.FILED, Step.CONFIRM): ComplaintState.CONFIRMED,
    (ComplaintState.FILED, Step.REJECT): ComplaintState.REJECTED,
    (ComplaintState.CONFIRMED, Step.OFFER_FIX): ComplaintState.FIX_OFFERED,
    (ComplaintState.FIX_OFFERED, Step.OFFER_FIX): ComplaintState.FIX_OFFERED,
    (ComplaintState.FIX_OFFERED, Step.FIX_KEPT): ComplaintState.FIXED,
}
"""A fix that did not help is followed by another offer; only a frame that keeps a release makes a complaint fixed."""

OPEN = (ComplaintState.FILED, ComplaintState.CONFIRMED, ComplaintState.FIX_OFFERED)
"""States in which somebody still has something to do."""


def after(state: ComplaintState, step: Step) -> ComplaintState:
    """Return the next state; raise Conflict when ``step`` does not follow from ``state``."""
    following = STEPS.get((state, step))
    if following is None:
        possible = ", ".join(sorted({one for (before, one) in STEPS if before is state})) or "nothing"
        raise Conflict(f"a complaint that is {state} cannot go through {step}; possible is: {possible}")
    return following


def steps_from(state: ComplaintState) -> list[Step]:
    """What can happen next: pages show these and no others."""
    return [step for (before, step) in STEPS if before is state]
