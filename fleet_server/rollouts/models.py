"""Tables of rollouts. Counts are never kept: they are queried from ``frame_updates``."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet_server.db import Base, UtcDateTime
from fleet_server.releases.models import Release


class Rollout(Base):
    """One release on its way to frames."""

    __tablename__ = "rollouts"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(36), unique=True)
    """Random; orders and buckets of frames derive from it."""
    release_id: Mapped[int] = mapped_column(ForeignKey("releases.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    stages: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    stage: Mapped[int] = mapped_column(default=0)
    """Index of the stage reached; earlier ones stay in."""
    halt_rule: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(500), default="")
    """Why it is halted or withdrawn."""
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    release: Mapped[Release] = relationship(lazy="joined", innerjoin=True)


class FrameUpdate(Base):
    """How far one frame is with one rollout."""

    __tablename__ = "frame_updates"
    __table_args__ = (
        Index("ix_frame_updates_rollout_id_state", "rollout_id", "state"),
        Index("ix_frame_updates_frame_id_state", "frame_id", "state"),
    )

    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollouts.id"), primary_key=True)
    frame_id: Mapped[str] = mapped_column(ForeignKey("frames.id"), primary_key=True)
    order_id: Mapped[str] = mapped_column(String(36), unique=True)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(200))
    weights_sha256: Mapped[str | None] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StoredReport(Base):
    """A report as the frame signed it; (order, state) comes once, whatever is sent again."""

    __tablename__ = "update_reports"

    order_id: Mapped[str] = mapped_column(ForeignKey("frame_updates.order_id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[float]
    """The frame's clock, which may be wrong."""
    boot: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(200))
    weights_sha256: Mapped[str | None] = mapped_column(String(64))
    health: Mapped[dict[str, Any]] = mapped_column(JSON)
    signature: Mapped[str] = mapped_column(String(200))
