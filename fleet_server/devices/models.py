"""Tables of frames: claim codes, identity, certificates, condition, commands waiting to be sent."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from fleet_server.db import Base, UtcDateTime


class ClaimCode(Base):
    """The right to enrol one frame; only a keyed hash of the code is kept."""

    __tablename__ = "claim_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    code_hmac: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(4))
    """Last four characters, so that people can tell codes apart."""
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    serial: Mapped[str | None] = mapped_column(String(40))
    """The one serial that used it."""
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Frame(Base):
    """A frame that enrolled; its id is the common name of its certificate."""

    __tablename__ = "frames"

    id: Mapped[str] = mapped_column(String(38), primary_key=True)
    serial: Mapped[str] = mapped_column(String(40), unique=True)
    claim_code_id: Mapped[int] = mapped_column(ForeignKey("claim_codes.id"), unique=True)
    hardware: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(200))
    public_key_pem: Mapped[str] = mapped_column(Text)
    """Key that the frame enrolled with; its reports are signed with it."""
    enrolled_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_reason: Mapped[str | None] = mapped_column(String(200))


class Certificate(Base):
    """A certificate that the CA issued to a frame."""

    __tablename__ = "certificates"

    serial_hex: Mapped[str] = mapped_column(String(40), primary_key=True)
    frame_id: Mapped[str] = mapped_column(ForeignKey("frames.id"), index=True)
    pem: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FrameCondition(Base):
    """What is known of a frame now; written behind by the ingest, never by a poll."""

    __tablename__ = "frame_conditions"

    frame_id: Mapped[str] = mapped_column(ForeignKey("frames.id"), primary_key=True)
    online: Mapped[bool] = mapped_column(default=False, index=True)
    boot: Mapped[str | None] = mapped_column(String(16))
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When anything last arrived from it (the server's clock)."""
    model_id: Mapped[str] = mapped_column(String(200), default="")
    weights_sha256: Mapped[str | None] = mapped_column(String(64))
    """The active integer weights, as the frame last said (health, or a kept update)."""
    agent_version: Mapped[str] = mapped_column(String(200), default="")


class PendingCommand(Base):
    """A hint for a frame that the ingest still has to publish (devices.notify)."""

    __tablename__ = "pending_commands"

    id: Mapped[int] = mapped_column(primary_key=True)
    frame_id: Mapped[str] = mapped_column(ForeignKey("frames.id"))
    kind: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
