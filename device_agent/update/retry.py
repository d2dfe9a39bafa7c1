"""When to try a download again. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

REQUEST_TIMEOUT = 408
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class RetryPolicy:
    """How patient one call is; what is left after it waits for the next poll."""

    attempts: int = 5
    """Consecutive attempts without a new byte, or too slow, before giving up."""
    base_seconds: float = 1.0
    cap_seconds: float = 60.0

    def delay(self, failures: int, jitter: float, retry_after: float | None = None) -> float:
        """Seconds to wait after the ``failures``-th failure in a row; ``jitter`` is uniform in 0..1.

        The wait doubles up to the cap and is drawn from its upper half, so that a fleet does not come back at once.
        A server that says Retry-After is obeyed, up to the cap.
        """
        wait = min(self.cap_seconds, self.base_seconds * 2.0 ** max(0, failures - 1))
        wait *= 0.5 + 0.5 * jitter
        return min(self.cap_seconds, max(wait, retry_after or 0.0))


def is_final(status: int) -> bool:
    """Whether asking again is pointless: the server understood, and said no."""
    return 400 <= status < 500 and status not in (REQUEST_TIMEOUT, TOO_MANY_REQUESTS)


def retry_after(said: str, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for: a number, or a date (RFC 9110, 10.2.3); None for anything else.

    ``now`` is the server's own ``Date`` where it sent one: a frame's clock may stand in 1970.
    """
    if said.isascii() and said.isdigit():
        return float(said)
    moment = http_date(said)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def http_date(said: str) -> datetime | None:
    """Return the time that a header names, or None where it names none."""
    try:
        moment = parsedate_to_datetime(said)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
