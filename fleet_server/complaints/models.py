"""Tables of complaints and their files."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet_server.db import Base, UtcDateTime


class ComplaintRecord(Base):
    """A complaint and what became of it; ``state`` is a frame_protocol ComplaintState."""

    __tablename__ = "complaints"
    __table_args__ = (Index("ix_complaints_state_received_at", "state", "received_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    frame_id: Mapped[str] = mapped_column(ForeignKey("frames.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(String(2000))
    consent: Mapped[bool] = mapped_column(Boolean)
    sent_at: Mapped[float]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    model_id: Mapped[str] = mapped_column(String(200))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    clip_sha256: Mapped[str | None] = mapped_column(String(64))
    """What the frame announced; the file itself is in complaint_files."""
    voice_sha256: Mapped[str | None] = mapped_column(String(64))
    decided_by: Mapped[str | None] = mapped_column(String(100))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(2000), default="")
    """Why support rejected it, in their words."""
    release: Mapped[str | None] = mapped_column(String(63), index=True)
    """The release that is to mend it."""
    fixed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ComplaintFile(Base):
    """A clip or voice that arrived; ``deleted_at`` is set when it was erased."""

    __tablename__ = "complaint_files"

    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    length: Mapped[int]
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
