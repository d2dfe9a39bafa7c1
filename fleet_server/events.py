"""Composition root of the ingest: which feature acts on which event."""

from collections.abc import Callable

from sqlalchemy import insert
from sqlalchemy.orm import Session

from fleet_server import logs
from fleet_server.complaints import service as complaints
from fleet_server.devices.models import Frame
from fleet_server.pki.signatures import verifies
from fleet_server.rollouts import service as rollouts
from fleet_server.telemetry.handlers import Handlers, Stored
from fleet_server.telemetry.models import UpdateStep
from fleet_server.telemetry.store import touch_condition
from frame_protocol import codec
from frame_protocol.telemetry import UpdateEvent
from frame_protocol.updates import UpdateReport, UpdateState

log = logs.get("events")

ReportUse = Callable[[Session, UpdateReport, str], object]
"""A use case that a verified report sets off: (session, report, its signature)."""


def handlers() -> Handlers:
    """Return who acts on which event."""
    uses = _report_uses()
    return {UpdateEvent: lambda session, stored: on_update(session, stored, uses)}


def on_update(session: Session, stored: Stored, uses: list[ReportUse]) -> None:
    """Keep the step; let rollouts and complaints act on it only when the frame's own key signed it."""
    event = stored.event
    if not isinstance(event, UpdateEvent):
        return
    report = event.report
    frame = session.get_one(Frame, stored.frame)
    verified = report.frame == stored.frame and verifies(
        frame.public_key_pem, codec.canonical(report), event.signature
    )
    session.execute(
        insert(UpdateStep).values(
            frame_id=stored.frame,
            boot=stored.boot,
            seq=stored.seq,
            received_at=stored.received_at,
            order_id=report.order_id,
            release=report.release,
            state=report.state,
            reason=report.reason,
            verified=verified,
        )
    )
    if not verified:
        log.warning("update.signature_wrong", frame=stored.frame, order=report.order_id, state=report.state)
        return
    if report.state is UpdateState.KEPT and report.weights_sha256:
        touch_condition(session, stored.frame, {"weights_sha256": report.weights_sha256})
    for use in uses:
        try:
            with session.begin_nested():
                use(session, report, event.signature)
        except Exception:  # edge: one feature's failure leaves the others and the step itself in place
            log.exception("update.report_use_failed", frame=stored.frame, order=report.order_id, state=report.state)


def _report_uses() -> list[ReportUse]:
    """The features that act on verified reports."""
    return [rollouts.apply_report, lambda session, report, _signature: complaints.on_report(session, report)]
