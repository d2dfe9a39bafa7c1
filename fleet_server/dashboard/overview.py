"""What the home page shows of rollouts."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fleet_server.rollouts.models import FrameUpdate, Rollout

SHOWN = 5


@dataclass(frozen=True)
class RolloutLine:
    """One rollout in a line."""

    number: int
    release: str
    state: str
    kept: int
    contacted: int


def rollouts(session: Session) -> list[RolloutLine]:
    """The rollouts that changed last."""
    found = session.scalars(select(Rollout).order_by(Rollout.changed_at.desc()).limit(SHOWN)).all()
    counted = select(FrameUpdate.rollout_id, FrameUpdate.state, func.count()).where(
        FrameUpdate.rollout_id.in_([one.id for one in found])
    )
    rows = [
        (number, state, total)
        for number, state, total in session.execute(counted.group_by(FrameUpdate.rollout_id, FrameUpdate.state))
    ]
    return [
        RolloutLine(
            number=one.id,
            release=one.release.name,
            state=one.state,
            kept=sum(total for number, state, total in rows if number == one.id and state == "kept"),
            contacted=sum(total for number, _, total in rows if number == one.id),
        )
        for one in found
    ]
