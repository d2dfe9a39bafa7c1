"""Use cases of frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from fleet_server import audit
from fleet_server.db import utc_now
from fleet_server.devices.models import Certificate, Frame, FrameCondition
from fleet_server.errors import NotFound

SILENCE = timedelta(minutes=15)
"""A frame silent for so long is not online, whatever it said last: a killed broker delivers no last wills."""


@dataclass(frozen=True)
class FrameRow:
    """One line of the list of frames."""

    frame: Frame
    condition: FrameCondition | None
    now: datetime

    @property
    def state(self) -> str:
        """``revoked``, ``online``, ``offline`` or ``never seen``: what the list shows."""
        if self.frame.revoked_at is not None:
            return "revoked"
        if self.condition is None:
            return "never seen"
        fresh = self.condition.heard_at >= self.now - SILENCE
        return "online" if self.condition.online and fresh else "offline"


def certificate_valid(session: Session, frame_id: str, serial_hex: str) -> bool:
    """Whether this certificate was issued to this frame and neither is revoked: one indexed SELECT, no write."""
    query = (
        select(Certificate.serial_hex)
        .join(Frame, Frame.id == Certificate.frame_id)
        .where(is_valid(frame_id, serial_hex))
    )
    return session.scalar(query) is not None


def is_valid(frame_id: str, serial_hex: str) -> ColumnElement[bool]:
    """The same as a condition, for a query over frames and certificates that answers more."""
    return and_(
        Certificate.serial_hex == serial_hex,
        Certificate.frame_id == frame_id,
        Certificate.revoked_at.is_(None),
        Frame.revoked_at.is_(None),
    )


def not_valid(frame_id: str) -> str:
    """Say why a frame is not let in."""
    return f"{frame_id}: this certificate is revoked or was never issued by this server"


def get(session: Session, frame_id: str) -> FrameRow:
    """Return one frame and its condition."""
    row = session.execute(_rows().where(Frame.id == frame_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no frame {frame_id}")
    return FrameRow(row[0], row[1], utc_now())


def search(session: Session, text: str, state: str, *, limit: int, offset: int) -> tuple[Sequence[FrameRow], int]:
    """Return a page of frames, newest first, and how many there are; ``text`` is part of an id, serial or model."""
    query = _rows()
    if text:
        pattern = f"%{_escape(text)}%"
        query = query.where(
            or_(
                Frame.id.like(pattern, escape="\\"),
                Frame.serial.like(pattern, escape="\\"),
                Frame.hardware.like(pattern, escape="\\"),
                FrameCondition.model_id.like(pattern, escape="\\"),
            )
        )
    query = _in_state(query, state)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(query.order_by(Frame.enrolled_at.desc(), Frame.id).limit(limit).offset(offset))
    return [FrameRow(row[0], row[1], utc_now()) for row in rows], total


def count(session: Session, state: str = "") -> int:
    """How many frames are in ``state``; the number behind ``search`` with the same state."""
    return session.scalar(select(func.count()).select_from(_in_state(_rows(), state).subquery())) or 0


def revoke(session: Session, actor: str, frame_id: str, reason: str) -> None:
    """Shut a frame out: from now on HTTP answers 403; the broker's keeper takes its MQTT access within a second."""
    frame = session.get(Frame, frame_id)
    if frame is None:
        raise NotFound(f"there is no frame {frame_id}")
    if frame.revoked_at is not None:
        return
    now = utc_now()
    frame.revoked_at, frame.revoked_reason = now, reason[:200]
    session.execute(
        update(Certificate)
        .where(Certificate.frame_id == frame_id, Certificate.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    audit.record(session, actor, f"{actor} revoked {frame_id}: {reason}.")


def revoked(session: Session) -> tuple[list[tuple[str, datetime]], list[str]]:
    """Return the revoked certificates (serial, since when) that are not yet expired, and the revoked frames."""
    query = select(Certificate.serial_hex, Certificate.revoked_at).where(
        Certificate.revoked_at.is_not(None), Certificate.expires_at > utc_now()
    )
    serials = [(serial, at) for serial, at in session.execute(query.order_by(Certificate.serial_hex)) if at]
    frames = session.scalars(select(Frame.id).where(Frame.revoked_at.is_not(None)).order_by(Frame.id)).all()
    return serials, list(frames)


def newest_certificates(session: Session) -> list[str]:
    """Return the newest certificate (PEM) of each frame that is not revoked."""
    query = (
        select(Certificate.frame_id, Certificate.pem)
        .join(Frame, Frame.id == Certificate.frame_id)
        .where(Frame.revoked_at.is_(None), Certificate.revoked_at.is_(None))
    )
    newest: dict[str, str] = {}
    for frame_id, pem in session.execute(query.order_by(Certificate.issued_at)):
        newest[frame_id] = pem
    return list(newest.values())


def _rows() -> Select[Frame, FrameCondition | None]:
    """Frames with their condition, if any."""
    return select(Frame, FrameCondition).outerjoin(FrameCondition, FrameCondition.frame_id == Frame.id)


def _in_state(query: Select[Frame, FrameCondition | None], state: str) -> Select[Frame, FrameCondition | None]:
    """Narrow the frames to those that the list shows in ``state``."""
    alive = Frame.revoked_at.is_(None)
    connected = and_(FrameCondition.online, FrameCondition.heard_at >= utc_now() - SILENCE)
    if state == "online":
        return query.where(alive, connected)
    if state == "offline":
        return query.where(alive, ~connected)
    if state == "never seen":
        return query.where(alive, FrameCondition.frame_id.is_(None))
    return query.where(~alive) if state == "revoked" else query


def _escape(text: str) -> str:
    """Take the meaning from LIKE's own characters."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
