"""The roles of the repository, who holds their keys, and how long their metadata lives."""

from datetime import timedelta

from frame_protocol.updates import Line

ROOT = "root"
TARGETS = "targets"
SNAPSHOT = "snapshot"
TIMESTAMP = "timestamp"

LINES = tuple(Line)
OFFLINE = (ROOT, TARGETS, *LINES)
"""Signed by people, with a threshold; the server never holds these keys."""
ONLINE = (SNAPSHOT, TIMESTAMP)
"""Signed by the server; whoever steals these keys can hold updates back, but not make one."""

LIFETIME: dict[str, timedelta] = {
    ROOT: timedelta(days=730),
    TARGETS: timedelta(days=730),
    **dict.fromkeys(LINES, timedelta(days=365)),
    SNAPSHOT: timedelta(days=60),
    TIMESTAMP: timedelta(days=7),
}
"""A frame trusts nothing older; the server renews its two at half their life."""

SIGNED_AT_FIELD = "x-liveframe-signed-at"
"""Seconds since 1970 in our timestamp metadata: a floor for the clocks of frames (docs/protocol.md, "Updates")."""
