"""Rollouts on a real database, for tests: releases to roll out, orders, and the reports of frames."""

from typing import Any

from fleet_server.db import Database, utc_now
from fleet_server.releases.models import Release
from fleet_server.rollouts import queries, service
from fleet_server.rollouts.models import Rollout
from fleet_server.rollouts.policy import Action, HaltRule, RolloutState, Stage, order_id
from frame_protocol.updates import UpdateReport, UpdateState

WHOLE_WAY = [
    UpdateState.OFFERED,
    UpdateState.DOWNLOADING,
    UpdateState.VERIFIED,
    UpdateState.INSTALLED,
    UpdateState.TRYING,
    UpdateState.KEPT,
]


def published(name: str, counter: int, *, line: str = "models", manifest: str = "{}", **weights: str) -> Release:
    """Return the row of a published release; ``weights`` are hashes, of a delta also that of its base."""
    return Release(
        name=name, line=line, counter=counter, title="", manifest=manifest, published_at=utc_now(),
        published_by="test", **weights,
    )  # fmt: skip


def run(database: Database, release: str, rule: HaltRule | None = None, **stage: Any) -> Rollout:
    """Start a rollout of ``release`` in one stage."""
    with database.transaction() as session:
        made = service.create(session, "ada", release, [Stage(**stage)], rule)
        service.act(session, "ada", made.id, Action.START)
    return made


def report(rollout: Rollout, frame_id: str, state: UpdateState, release: str = "base", **more: Any) -> UpdateReport:
    """Return what a frame says of its order in ``rollout``."""
    return UpdateReport(
        frame=frame_id, boot="0" * 16, order_id=order_id(rollout.key, frame_id), release=release, state=state, at=1.0,
        **more,
    )  # fmt: skip


def apply(database: Database, *reports: UpdateReport) -> list[bool]:
    """Take reports in; return for each whether it was new."""
    with database.transaction() as session:
        return [service.apply_report(session, one, "signature") for one in reports]


def counts(database: Database, rollout: Rollout) -> dict[UpdateState, int]:
    """Return how many frames of the rollout are in each state."""
    with database.reading() as session:
        return queries.counts(session, rollout.id)


def state_of(database: Database, rollout: Rollout) -> tuple[RolloutState, str | None]:
    """Return where the rollout stands, and why."""
    with database.reading() as session:
        found = service.get(session, rollout.id)
        return RolloutState(found.state), found.reason


def assigned(database: Database, frame_id: str) -> service.Chosen | None:
    """Return what the frame is to do next."""
    with database.reading() as session:
        return service.assignment(session, frame_id)
