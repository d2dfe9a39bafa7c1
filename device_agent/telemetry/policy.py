"""What the outbox drops when it is full, and what becomes of the gap (docs/protocol.md, step 6); no disk here."""

from collections.abc import Mapping
from dataclasses import dataclass

from frame_protocol.telemetry import Fault

DROP_ORDER = ("health", "render", "playback")
"""The first kind that is there gives way, its oldest first; updates and faults are never dropped."""

DROPPED_CODE = "outbox-dropped"
PROTECTED_FACTOR = 2
"""Updates and faults alone may take this many times the limit before the outbox refuses to grow."""


@dataclass(frozen=True)
class Limits:
    """How much the outbox may hold: two weeks at one health sample a minute, in the size of one photo."""

    rows: int = 20_000
    octets: int = 16 * 1024 * 1024


@dataclass(frozen=True)
class Totals:
    """What the outbox holds."""

    rows: int
    octets: int


@dataclass(frozen=True)
class Hole:
    """Sequence numbers ``first`` to ``last`` of one boot that were dropped above the floor."""

    first: int
    last: int
    at: float


def is_over(totals: Totals, limits: Limits) -> bool:
    """Tell whether something must be dropped."""
    return totals.rows > limits.rows or totals.octets > limits.octets


def is_beyond_protection(totals: Totals, limits: Limits) -> bool:
    """Tell whether so much is held that even an update or a fault cannot be taken in."""
    return totals.rows > PROTECTED_FACTOR * limits.rows or totals.octets > PROTECTED_FACTOR * limits.octets


def victim(counts: Mapping[str, int]) -> str | None:
    """Return the kind whose oldest row is dropped next, or None when only protected ones are left."""
    return next((kind for kind in DROP_ORDER if counts.get(kind, 0) > 0), None)


def widen(before: Hole | None, seq: int, at: float, after: Hole | None) -> Hole:
    """Return the hole that ``seq`` makes, joined with the holes that end right before and begin right after it."""
    first = before.first if before is not None and before.last == seq - 1 else seq
    last = after.last if after is not None and after.first == seq + 1 else seq
    return Hole(first, last, at)


def floor(lowest_held: int | None, next_seq: int) -> int:
    """Return the smallest sequence number still held, or the next one: everything below is settled."""
    return next_seq if lowest_held is None else lowest_held


def placeholder() -> Fault:
    """Return the event that stands under a dropped sequence number, so that the server's count has no gap."""
    return Fault(code=DROPPED_CODE, detail="the outbox was full; the oldest of the least important went first")
