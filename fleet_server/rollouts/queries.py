"""Reads of rollouts; everything that a page or a frame is told comes from rows, never from a counter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Row, ScalarSelect, cast, func, select
from sqlalchemy.orm import Session, aliased

from fleet_server.devices.models import Certificate, Frame, FrameCondition
from fleet_server.releases.models import Release
from fleet_server.rollouts.models import FrameUpdate, Rollout, StoredReport
from fleet_server.rollouts.policy import Candidate, RolloutState, Stage
from frame_protocol.updates import Line, Requirements, UpdateState

PAGE = 100


@dataclass(frozen=True)
class FrameView:
    """One frame, and every running rollout as it sees them."""

    hardware: str
    weights_sha256: str | None
    """Its active weights, as it last said."""
    candidates: list[Candidate]


class _Needs(msgspec.Struct, frozen=True):
    """What a manifest requires; its other fields say nothing about who is offered it."""

    requires: Requirements = Requirements()


def frame_view(session: Session, frame_id: str, certificate: ColumnElement[bool] | None = None) -> FrameView | None:
    """Return what a frame may be offered: one SELECT by indexes, whether or not there is anything.

    With the condition ``certificate`` None also means that the frame's certificate does not fulfil it.
    """
    query = (
        select(Frame.hardware, FrameCondition.weights_sha256)
        .add_columns(Rollout.id, Rollout.key, Rollout.stages, Rollout.stage)
        .add_columns(Release.name, Release.line, Release.counter, Release.base_weights_sha256, Release.manifest)
        .add_columns(FrameUpdate.state, *(_kept_counter(line).label(f"kept_{line}") for line in Line))
        .add_columns(_firmware_counter().label("firmware_counter"))
        .outerjoin(FrameCondition, FrameCondition.frame_id == Frame.id)
        .outerjoin(Rollout, Rollout.state == RolloutState.RUNNING)
        .outerjoin(Release, Release.id == Rollout.release_id)
        .outerjoin(FrameUpdate, (FrameUpdate.rollout_id == Rollout.id) & (FrameUpdate.frame_id == Frame.id))
        .where(Frame.id == frame_id)
    )
    if certificate is not None:
        query = query.join(Certificate, Certificate.frame_id == Frame.id).where(certificate)
    rows = session.execute(query).all()
    if not rows:
        return None
    found = [_candidate(row) for row in rows if row.id is not None]
    return FrameView(rows[0].hardware, rows[0].weights_sha256, found)


def _kept_counter(line: Line) -> ScalarSelect[int]:
    """The highest counter of a line that the frame of the outer query has kept."""
    update, rollout, release = aliased(FrameUpdate), aliased(Rollout), aliased(Release)
    return (
        select(func.max(release.counter))
        .join(rollout, rollout.release_id == release.id)
        .join(update, update.rollout_id == rollout.id)
        .where(update.frame_id == Frame.id, update.state == UpdateState.KEPT, release.line == line)
        .correlate(Frame)
        .scalar_subquery()
    )


def _firmware_counter() -> ScalarSelect[int]:
    """The highest counter that the frame of the outer query said its firmware has: the factory's was never kept."""
    update, report = aliased(FrameUpdate), aliased(StoredReport)
    return (
        select(func.max(cast(report.health["firmware_counter"].as_string(), BigInteger)))
        .join(update, update.order_id == report.order_id)
        .where(update.frame_id == Frame.id, report.state == UpdateState.OFFERED)
        .correlate(Frame)
        .scalar_subquery()
    )


def _candidate(row: Row[Any]) -> Candidate:
    kept = {line.value: getattr(row, f"kept_{line}") or 0 for line in Line}
    kept[Line.FIRMWARE] = max(kept[Line.FIRMWARE], row.firmware_counter or 0)
    requires = msgspec.json.decode(row.manifest, type=_Needs).requires
    return Candidate(
        rollout_id=row.id,
        key=row.key,
        stages=msgspec.convert(row.stages, list[Stage])[: row.stage + 1],
        release=row.name,
        line=row.line,
        counter=row.counter,
        base_weights_sha256=row.base_weights_sha256,
        state=UpdateState(row.state) if row.state else None,
        kept_counters=kept,
        required_counters={line.value: counter for line, counter in requires.counters.items()},
    )


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
