"""The hash chain of the audit log (pure)."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

GENESIS = "0" * 64
"""The hash before the first entry."""

Link = tuple[int, datetime, str, str, str, str]
"""An entry as it is checked: id, at, actor, sentence, previous hash, hash."""


def entry_hash(previous: str, at: datetime, actor: str, sentence: str) -> str:
    """Return the hash of an entry; parts are joined with their lengths, so none can flow into the next."""
    parts = (previous, at.isoformat(timespec="microseconds"), actor, sentence)
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


def first_break(entries: Iterable[Link], start: str = GENESIS) -> int | None:
    """Return the id of the first entry that does not follow, or None.

    ``start`` is the hash before the first of ``entries``.
    """
    previous = start
    for number, at, actor, sentence, claimed_previous, claimed in entries:
        if claimed_previous != previous or claimed != entry_hash(previous, at, actor, sentence):
            return number
        previous = claimed
    return None
