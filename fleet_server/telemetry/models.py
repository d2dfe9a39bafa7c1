"""Tables of telemetry. (frame, boot, seq) is the primary key: the database itself drops what comes twice."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet_server.db import Base, UtcDateTime

_KEY = ["messages.frame_id", "messages.boot", "messages.seq"]


class Message(Base):
    """One message as it came; ``body`` is its event."""

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_frame_id_received_at", "frame_id", "received_at"),)

    frame_id: Mapped[str] = mapped_column(ForeignKey("frames.id"), primary_key=True)
    boot: Mapped[str] = mapped_column(String(16), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    sent_at: Mapped[float]
    """The frame's clock, which may be wrong."""
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class Boot(Base):
    """How far the messages of one boot are settled."""

    __tablename__ = "boots"

    frame_id: Mapped[str] = mapped_column(ForeignKey("frames.id"), primary_key=True)
    boot: Mapped[str] = mapped_column(String(16), primary_key=True)
    floor: Mapped[int] = mapped_column(BigInteger)
    """Largest floor seen: everything below it is settled."""
    settled: Mapped[int] = mapped_column(BigInteger)
    """Every sequence number up to this one is committed or below the floor."""
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Playback(Base):
    """A video that was shown."""

    __tablename__ = "playbacks"
    __table_args__ = (
        ForeignKeyConstraint(["frame_id", "boot", "seq"], _KEY, ondelete="CASCADE"),
        Index("ix_playbacks_received_at_completed", "received_at", "completed"),
    )

    frame_id: Mapped[str] = mapped_column(String(38), primary_key=True)
    boot: Mapped[str] = mapped_column(String(16), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    playback_id: Mapped[str] = mapped_column(String(36))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    model_id: Mapped[str] = mapped_column(String(200))
    fill: Mapped[str] = mapped_column(String(16))
    frames: Mapped[int]
    shown: Mapped[int]
    dropped: Mapped[int]
    seconds_watched: Mapped[float]
    video_seconds: Mapped[float]
    fps: Mapped[float]
    completed: Mapped[bool]


class UpdateStep(Base):
    """A signed update report as it came; ``verified`` says whether the frame's key made the signature."""

    __tablename__ = "update_steps"
    __table_args__ = (ForeignKeyConstraint(["frame_id", "boot", "seq"], _KEY, ondelete="CASCADE"),)

    frame_id: Mapped[str] = mapped_column(String(38), primary_key=True)
    boot: Mapped[str] = mapped_column(String(16), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    order_id: Mapped[str] = mapped_column(String(36), index=True)
    release: Mapped[str] = mapped_column(String(63))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(200))
    verified: Mapped[bool]
