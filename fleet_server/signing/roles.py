"""The roles of the repository, who holds their keys, and how long their metadata lives."""

from datetime import timedelta

from frame_protocol.updates import Line

ROOT = "root"
TARGETS = "targets"
SNAPSHOT = "snapshot"
TIMESTAMP = "timestamp"

DIRECTOR_ROOT = "director-root"
DIRECTOR = "director"

LINES = tuple(Line)
OFFLINE = (ROOT, TARGETS, *LINES, DIRECTOR_ROOT)
"""Signed by people, with a threshold; the server never holds these keys. The director's root has keys of its own: a
root that could pass for the other repository's would put an online key in the place of the offline ones."""
ONLINE = (SNAPSHOT, TIMESTAMP)
"""Of the image repository, signed by the server; whoever steals these can hold updates back, but not make one."""
SERVER_KEYS = (*ONLINE, DIRECTOR)
"""All keys that the server holds. The director's chooses among what people signed; it cannot make one either."""

LIFETIME: dict[str, timedelta] = {
    ROOT: timedelta(days=730),
    TARGETS: timedelta(days=730),
    **dict.fromkeys(LINES, timedelta(days=365)),
    SNAPSHOT: timedelta(days=60),
    TIMESTAMP: timedelta(days=7),
    DIRECTOR_ROOT: timedelta(days=730),
    DIRECTOR: timedelta(days=1),
}
"""A frame trusts nothing older; the server renews its two at half their life."""

SIGNED_AT_FIELD = "x-liveframe-signed-at"
"""Seconds since 1970 in our timestamp metadata: a floor for the clocks of frames (docs/protocol.md, "Updates")."""

HOLDER_FIELD = "x-liveframe-person"
"""In the public half of an offline key: which of the ceremony's people holds it."""
