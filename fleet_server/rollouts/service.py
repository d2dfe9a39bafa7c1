"""Use cases of rollouts: make one, steer it, tell a frame its assignment, take a frame's report."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import uuid4

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from fleet_server import audit, logs
from fleet_server.audit.service import SYSTEM
from fleet_server.db import utc_now
from fleet_server.devices import service as devices
from fleet_server.devices.models import Frame
from fleet_server.devices.notify import notify
from fleet_server.errors import Conflict, Forbidden, Invalid, NotFound
from fleet_server.releases import service as releases
from fleet_server.rollouts import policy, queries
from fleet_server.rollouts.models import FrameUpdate, Rollout, StoredReport
from fleet_server.rollouts.policy import Action, HaltRule, RolloutState, Stage
from fleet_server.signing.director import Direction
from frame_protocol.telemetry import CommandKind
from frame_protocol.updates import FINAL, Assignment, Line, UpdateReport, UpdateState, manifest_path

MAX_NAMED_FRAMES = 1000
NOTIFY_LIMIT = 2000
"""More frames than this are not hinted at one by one: they poll anyway."""

log = logs.get("rollouts")


@dataclass(frozen=True)
class Chosen:
    """The release that a frame should run, and the order that says so."""

    order_id: str
    release: str
    hardware: str
    """What the frame is."""


def create(
    session: Session, actor: str, release_name: str, stages: Sequence[Stage], rule: HaltRule | None = None
) -> Rollout:
    """Make a draft."""
    release = releases.by_name(session, release_name)
    _check_stages(session, stages)
    now = utc_now()
    rollout = Rollout(
        key=str(uuid4()),
        release_id=release.id,
        state=RolloutState.DRAFT,
        stages=[msgspec.to_builtins(stage) for stage in stages],
        stage=0,
        halt_rule=msgspec.to_builtins(rule or HaltRule()),
        reason="",
        created_by=actor,
        created_at=now,
        changed_at=now,
    )
    session.add(rollout)
    session.flush()
    session.refresh(rollout)
    audit.record(session, actor, f"{actor} made rollout {rollout.id} of {release.name} for {describe(stages)}.")
    return rollout


def act(session: Session, actor: str, rollout_id: int, action: Action, reason: str = "") -> Rollout:
    """Do one of the actions that the rollout's state allows."""
    rollout = get(session, rollout_id, lock=True)
    allowed = policy.ACTIONS[RolloutState(rollout.state)]
    if action not in allowed:
        can = ", ".join(allowed) or "nothing more can be done with it"
        raise Conflict(f"rollout {rollout_id} is {rollout.state}: {action} is not possible; possible: {can}")
    _move(session, rollout, allowed[action], reason)
    because = f": {reason}" if reason else ""
    audit.record(session, actor, f"{actor} did {action} on rollout {rollout.id} of {rollout.release.name}{because}.")
    if rollout.state == RolloutState.RUNNING:
        _hint(session, rollout)
    return rollout


def get(session: Session, rollout_id: int, *, lock: bool = False) -> Rollout:
    """Return one rollout; ``lock`` keeps other transactions from changing it meanwhile."""
    query = select(Rollout).where(Rollout.id == rollout_id)
    if lock:
        query = query.with_for_update(of=Rollout).execution_options(populate_existing=True)
    rollout = session.scalar(query)
    if rollout is None:
        raise NotFound(f"there is no rollout {rollout_id}; see the list of rollouts")
    return rollout


def assignment(session: Session, frame_id: str, serial_hex: str | None = None) -> Chosen | None:
    """Return what the frame should run now, and by which order: one SELECT, no write.

    With the serial number of the certificate that the frame has shown, the same SELECT looks whether it is valid;
    raises Forbidden when it is not.
    """
    shown = None if serial_hex is None else devices.is_valid(frame_id, serial_hex)
    view = queries.frame_view(session, frame_id, shown)
    if view is None:
        raise Forbidden(devices.not_valid(frame_id))
    chosen = policy.choose(frame_id, view.weights_sha256, view.candidates)
    if chosen is None:
        return None
    return Chosen(policy.order_id(chosen.key, frame_id), chosen.release, view.hardware)


def direction(session: Session, frame_id: str, serial_hex: str) -> Direction | None:
    """Return what the director has to sign for the frame, or None when there is nothing to do."""
    chosen = assignment(session, frame_id, serial_hex)
    if chosen is None:
        return None
    release = releases.by_name(session, chosen.release)
    manifest = release.manifest.encode()
    files = {artefact.path: (artefact.length, artefact.sha256) for artefact in release.artefacts}
    path = manifest_path(Line(release.line), release.name)
    return Direction(
        assignment=Assignment(
            frame=frame_id,
            order_id=chosen.order_id,
            release=release.name,
            line=Line(release.line),
            hardware=chosen.hardware,
            counter=release.counter,
        ),
        files={path: (len(manifest), hashlib.sha256(manifest).hexdigest()), **files},
    )


def apply_report(session: Session, report: UpdateReport, signature: str) -> bool:
    """Store a report whose signature was verified; return whether it was new. Sent twice, it counts once."""
    rollout = _rollout_of(session, report)
    if rollout is None:
        log.warning("update.order_unknown", frame=report.frame, order=report.order_id, release=report.release)
        return False
    _touch(session, rollout, report)
    if not _store(session, report, signature):
        return False
    _advance(session, rollout, report)
    _judge(session, rollout.id, report.state)
    return True


def stages_of(rollout: Rollout) -> list[Stage]:
    """Return all stages of a rollout."""
    return msgspec.convert(rollout.stages, list[Stage])


def describe(stages: Iterable[Stage]) -> str:
    """Say in words who is named by stages."""
    parts = []
    for stage in stages:
        if stage.frames:
            parts.append(f"{len(stage.frames)} named frames" if len(stage.frames) > 1 else stage.frames[0])
        if stage.percent:
            parts.append(f"{stage.percent:g} % of all frames")
    return ", then ".join(parts)


def _check_stages(session: Session, stages: Sequence[Stage]) -> None:
    if not stages or not all(stage.frames or stage.percent for stage in stages):
        raise Invalid("a rollout needs frames or a percentage: expected at least one, got neither")
    if any(not 0 <= stage.percent <= 100 for stage in stages):
        raise Invalid("a percentage is expected to be from 0 to 100")
    named = {frame for stage in stages for frame in stage.frames}
    if len(named) > MAX_NAMED_FRAMES:
        raise Invalid(f"{len(named)} frames are named, at most {MAX_NAMED_FRAMES} can be; use a percentage")
    unknown = named - set(session.scalars(select(Frame.id).where(Frame.id.in_(named))))
    if unknown:
        raise Invalid(f"no such frames: {', '.join(sorted(unknown)[:5])}")


def _move(session: Session, rollout: Rollout, state: RolloutState, reason: str) -> None:
    rollout.state, rollout.reason, rollout.changed_at = state, reason[:500], utc_now()
    session.flush()


def _hint(session: Session, rollout: Rollout) -> None:
    """Ask the frames of the stages reached to poll now."""
    stages = stages_of(rollout)[: rollout.stage + 1]
    ids = session.scalars(select(Frame.id).where(Frame.revoked_at.is_(None)).limit(NOTIFY_LIMIT)).all()
    named = [frame for stage in stages for frame in stage.frames]
    chosen = {frame for frame in (*ids, *named) if policy.includes(stages, rollout.key, frame)}
    notify(session, sorted(chosen), CommandKind.CHECK_UPDATE)


def _rollout_of(session: Session, report: UpdateReport) -> Rollout | None:
    """Find the rollout whose order for this frame the report names: orders are computed, not stored."""
    for rollout in queries.of_release(session, report.release):
        if policy.order_id(rollout.key, report.frame) == report.order_id:
            return rollout
    return None


def _touch(session: Session, rollout: Rollout, report: UpdateReport) -> None:
    """Make the frame's row when this is the first that is heard of it."""
    insert = _insert(session)(FrameUpdate).values(
        rollout_id=rollout.id,
        frame_id=report.frame,
        order_id=report.order_id,
        state=UpdateState.IDLE,
        reason="",
        weights_sha256=None,
        changed_at=utc_now(),
    )
    session.execute(insert.on_conflict_do_nothing())


def _store(session: Session, report: UpdateReport, signature: str) -> bool:
    insert = _insert(session)(StoredReport).values(
        order_id=report.order_id,
        state=report.state,
        received_at=utc_now(),
        sent_at=report.at,
        boot=report.boot,
        reason=report.reason,
        weights_sha256=report.weights_sha256,
        health=msgspec.to_builtins(report.health),
        signature=signature,
    )
    stored = session.execute(insert.on_conflict_do_nothing().returning(StoredReport.state))
    return stored.scalar() is not None


def _advance(session: Session, rollout: Rollout, report: UpdateReport) -> None:
    row = session.get_one(FrameUpdate, (rollout.id, report.frame), with_for_update=True, populate_existing=True)
    if policy.ORDER[report.state] < policy.ORDER[UpdateState(row.state)]:
        return
    row.state, row.reason, row.changed_at = report.state, report.reason, utc_now()
    row.weights_sha256 = report.weights_sha256
    session.flush()


def _judge(session: Session, rollout_id: int, state: UpdateState) -> None:
    """Stop a rollout that goes wrong, end one that is complete; only a frame that ended can be the reason.

    The rollout's row is locked only to change it, so that ingest workers do not wait for each other.
    """
    if state not in FINAL:
        return
    rollout = get(session, rollout_id)
    stages = stages_of(rollout)
    if rollout.state != RolloutState.RUNNING or (state is not UpdateState.REVERTED and not policy.names_only(stages)):
        return
    counts = queries.counts(session, rollout.id)
    why = policy.must_halt(counts, msgspec.convert(rollout.halt_rule, HaltRule))
    ended = sum(number for reached, number in counts.items() if reached in FINAL)
    if why is not None:
        _end(session, rollout_id, RolloutState.HALTED, why)
    elif policy.is_complete(stages, ended):
        _end(session, rollout_id, RolloutState.FINISHED, "every named frame ended")


def _end(session: Session, rollout_id: int, state: RolloutState, why: str) -> None:
    """Let the server itself halt or finish a rollout that still runs."""
    rollout = get(session, rollout_id, lock=True)
    if rollout.state != RolloutState.RUNNING:
        return
    _move(session, rollout, state, why)
    verb = "halted" if state is RolloutState.HALTED else "finished"
    audit.record(session, SYSTEM, f"The server {verb} rollout {rollout.id} of {rollout.release.name}: {why}.")


def _insert(session: Session):  # type: ignore[no-untyped-def]  # noqa: ANN202  the dialects' inserts share no base
    """The INSERT of the database in use, which knows ON CONFLICT."""
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
