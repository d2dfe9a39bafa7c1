"""When to try a download again. Pure."""

from dataclasses import dataclass

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
