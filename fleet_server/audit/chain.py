"""The hash chain of the audit log (pure)."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

GENESIS = "0" * 64
"""The hash before the first entry."""


def entry_hash(previous: str, at: datetime, actor: str, sentence: str) -> str:
    """Return the hash of an entry; parts are joined with their lengths, so none can flow into the next."""
    parts = (previous, at.isoformat(timespec="microseconds"), actor, sentence)
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


def first_break(entries: Iterable[tuple[int, datetime, str, str, str, str]]) -> int | None:
    """Return the id of the first entry (id, at, actor, sentence, previous, hash) that does not follow, or None."""
    previous = GENESIS
    for number, at, actor, sentence, claimed_previous, claimed in entries:
        if claimed_previous != previous or claimed != entry_hash(previous, at, actor, sentence):
            return number
        previous = claimed
    return None
