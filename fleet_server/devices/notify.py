"""Hints to frames: written in the caller's transaction, published by the ingest process after it committed."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from fleet_server.db import utc_now
from fleet_server.devices.models import PendingCommand
from frame_protocol.telemetry import CommandKind


def notify(session: Session, frame_ids: Iterable[str], kind: CommandKind) -> None:
    """Ask each frame to poll now. A hint may be lost; frames poll anyway."""
    now = utc_now()
    session.add_all(PendingCommand(frame_id=frame_id, kind=kind, created_at=now) for frame_id in frame_ids)
