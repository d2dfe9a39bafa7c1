"""Write and read the audit log."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from fleet_server.audit import chain
from fleet_server.audit.models import AuditEntry
from fleet_server.db import utc_now

ADVISORY_LOCK = 0x4C46_0001
"""PostgreSQL lock under which entries are appended, one after the other."""

SYSTEM = "system"
"""Actor of what the server does by itself."""


def record(session: Session, actor: str, sentence: str) -> None:
    """Append one sentence, in the caller's transaction: the log holds what really happened, and only that."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    session.flush()
    last = session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)) or chain.GENESIS
    at = utc_now()
    session.add(
        AuditEntry(
            at=at,
            actor=actor,
            sentence=sentence,
            previous_hash=last,
            hash=chain.entry_hash(last, at, actor, sentence),
        )
    )
    session.flush()


def latest(session: Session, *, before: int | None, limit: int) -> Sequence[AuditEntry]:
    """Return entries, newest first, below id ``before``."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return session.scalars(query).all()


def first_break(session: Session) -> int | None:
    """Check the whole chain; return the id of the first entry that was changed or follows a gap, or None."""
    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1000))
    return chain.first_break(_links(rows))


def break_within(newest_first: Sequence[AuditEntry]) -> int | None:
    """Check that the entries of one page follow from one another: quick, however long the log is."""
    if not newest_first:
        return None
    return chain.first_break(_links(reversed(newest_first)), start=newest_first[-1].previous_hash)


def _links(rows: Iterable[AuditEntry]) -> Iterator[chain.Link]:
    """Entries as the chain's pure check takes them."""
    return ((row.id, row.at, row.actor, row.sentence, row.previous_hash, row.hash) for row in rows)
