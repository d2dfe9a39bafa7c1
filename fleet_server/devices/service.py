"""Use cases of frames."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet_server.devices.models import Certificate, Frame


def certificate_valid(session: Session, frame_id: str, serial_hex: str) -> bool:
    """Whether this certificate was issued to this frame and neither is revoked: one indexed SELECT, no write."""
    query = (
        select(Certificate.serial_hex)
        .join(Frame, Frame.id == Certificate.frame_id)
        .where(
            Certificate.serial_hex == serial_hex,
            Certificate.frame_id == frame_id,
            Certificate.revoked_at.is_(None),
            Frame.revoked_at.is_(None),
        )
    )
    return session.scalar(query) is not None
