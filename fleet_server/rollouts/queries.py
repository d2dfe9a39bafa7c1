"""Reads of rollouts; everything that a page or a frame is told comes from rows, never from a counter."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session, aliased

from fleet_server.devices.models import FrameCondition
from fleet_server.releases.models import Release
from fleet_server.rollouts.models import FrameUpdate, Rollout, StoredReport
from fleet_server.rollouts.policy import Candidate, RolloutState, Stage
from frame_protocol.updates import UpdateState

PAGE = 100


def candidates(session: Session, frame_id: str) -> tuple[str | None, list[Candidate]]:
    """Return the frame's active weights and every running rollout as it sees them: one SELECT by indexes."""
    kept_update, kept_rollout, kept_release = aliased(FrameUpdate), aliased(Rollout), aliased(Release)
    kept_counter = (
        select(func.max(kept_release.counter))
        .join(kept_rollout, kept_rollout.release_id == kept_release.id)
        .join(kept_update, kept_update.rollout_id == kept_rollout.id)
        .where(
            kept_update.frame_id == frame_id,
            kept_update.state == UpdateState.KEPT,
            kept_release.line == Release.line,
        )
        .correlate(Release)
        .scalar_subquery()
    )
    query = (
        select(Rollout.id, Rollout.key, Rollout.stages, Rollout.stage)
        .add_columns(Release.name, Release.line, Release.counter, Release.base_weights_sha256)
        .add_columns(FrameUpdate.state, kept_counter, FrameCondition.weights_sha256)
        .join(Release, Release.id == Rollout.release_id)
        .outerjoin(FrameUpdate, (FrameUpdate.rollout_id == Rollout.id) & (FrameUpdate.frame_id == frame_id))
        .outerjoin(FrameCondition, FrameCondition.frame_id == literal(frame_id))
        .where(Rollout.state == RolloutState.RUNNING)
    )
    rows = session.execute(query).all()
    found = [
        Candidate(
            rollout_id=number,
            key=key,
            stages=msgspec.convert(stages, list[Stage])[: stage + 1],
            release=name,
            line=line,
            counter=counter,
            base_weights_sha256=base,
            state=UpdateState(state) if state else None,
            kept_counter=kept or 0,
        )
        for number, key, stages, stage, name, line, counter, base, state, kept, _ in rows
    ]
    return (rows[0][-1] if rows else None), found


def of_release(session: Session, name: str) -> Sequence[Rollout]:
    """Return the rollouts of a release, newest first."""
    query = select(Rollout).join(Release, Release.id == Rollout.release_id).where(Release.name == name)
    return session.scalars(query.order_by(Rollout.id.desc())).all()


def all_rollouts(session: Session) -> Sequence[Rollout]:
    """Return every rollout, newest first."""
    return session.scalars(select(Rollout).order_by(Rollout.id.desc())).all()


def counts(session: Session, rollout_id: int) -> dict[UpdateState, int]:
    """Return how many frames are in each state; states without frames are left out."""
    query = (
        select(FrameUpdate.state, func.count())
        .where(FrameUpdate.rollout_id == rollout_id)
        .group_by(FrameUpdate.state)
    )
    return {UpdateState(state): number for state, number in session.execute(query)}


def frames(session: Session, rollout_id: int, state: UpdateState | None, after: str = "") -> Sequence[FrameUpdate]:
    """Return one page of the frames of a rollout by id, of one state or of all."""
    query = select(FrameUpdate).where(FrameUpdate.rollout_id == rollout_id, FrameUpdate.frame_id > after)
    if state is not None:
        query = query.where(FrameUpdate.state == state)
    return session.scalars(query.order_by(FrameUpdate.frame_id).limit(PAGE)).all()


def reports(session: Session, order_id: str) -> Sequence[StoredReport]:
    """Return the reports of one order in the order of their arrival."""
    query = select(StoredReport).where(StoredReport.order_id == order_id).order_by(StoredReport.received_at)
    return session.scalars(query).all()
