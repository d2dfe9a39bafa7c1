"""Claim codes: made in bulk, kept as keyed hashes, good for one serial."""

import hashlib
import hmac
import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet_server import audit
from fleet_server.db import utc_now
from fleet_server.devices.models import ClaimCode

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without I, L, O, 0 and 1, which people mix up."""
GROUPS = 3
GROUP_LENGTH = 4
MAX_AT_ONCE = 10_000
CLAIM_KEY = "claim.key"
"""Name of the secret that hashes codes: a copy of the database alone does not let anyone test guesses."""


def generate() -> str:
    """Return a new code, 59 random bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))


def keyed_hash(key: bytes, code: str) -> str:
    """Return what the database keeps of a code."""
    return hmac.new(key, code.encode(), hashlib.sha256).hexdigest()


def create(session: Session, actor: str, key: bytes, count: int) -> list[str]:
    """Make ``count`` codes and return them; they cannot be shown again."""
    now = utc_now()
    codes = [generate() for _ in range(count)]
    session.add_all(
        ClaimCode(code_hmac=keyed_hash(key, code), hint=code[-GROUP_LENGTH:], created_by=actor, created_at=now)
        for code in codes
    )
    audit.record(session, actor, f"{actor} made {count} claim code{'s' if count != 1 else ''}.")
    return codes


def find(session: Session, key: bytes, code: str) -> ClaimCode | None:
    """Return the row of a code, locked until the transaction ends.

    The comparison is constant-time in the code: the lookup is by its keyed hash, which a caller cannot steer.
    """
    query = select(ClaimCode).where(ClaimCode.code_hmac == keyed_hash(key, code)).with_for_update()
    return session.scalar(query)
