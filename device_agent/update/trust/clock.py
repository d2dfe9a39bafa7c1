"""The time that expiry is judged by, for frames whose clock starts in 1970. Pure."""

from datetime import UTC, datetime

SIGNED_AT_FIELD = "x-liveframe-signed-at"
"""Field of our timestamp metadata: seconds since 1970 at signing (docs/protocol.md, "Updates")."""


def reference_time(clock: datetime, build_date: datetime, last_trusted: datetime | None) -> datetime:
    """Return the latest time that has certainly passed: the clock's, the build's or the last trusted timestamp's."""
    return max(clock, build_date, last_trusted or build_date)


def signing_time(value: object, expires: datetime) -> datetime | None:
    """Return when a trusted timestamp was signed, or None when the field is absent, nonsense or after its expiry."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    if value >= expires.timestamp():
        return None
    return datetime.fromtimestamp(value, UTC)
