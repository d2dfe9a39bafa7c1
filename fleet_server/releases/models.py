"""Tables of releases."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet_server.db import Base, UtcDateTime


class Release(Base):
    """A published release; it never changes."""

    __tablename__ = "releases"
    __table_args__ = (UniqueConstraint("line", "counter"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    line: Mapped[str] = mapped_column(String(16))
    counter: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(200))
    base_weights_sha256: Mapped[str | None] = mapped_column(String(64))
    """Integer weights that a frame must run before."""
    result_weights_sha256: Mapped[str | None] = mapped_column(String(64))
    manifest: Mapped[str] = mapped_column(Text)
    """The signed manifest as frames read it."""
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    published_by: Mapped[str] = mapped_column(String(100))
    artefacts: Mapped[list["Artefact"]] = relationship(order_by="Artefact.path")


class Artefact(Base):
    """One file of a release."""

    __tablename__ = "artefacts"

    release_id: Mapped[int] = mapped_column(ForeignKey("releases.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    length: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
