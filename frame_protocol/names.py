"""Identifiers and the limits that every program checks at its border."""

from typing import Annotated

from msgspec import Meta

FRAME_ID_PATTERN = r"^frame-[0-9a-z]{4,32}\Z"

FrameId = Annotated[str, Meta(pattern=FRAME_ID_PATTERN)]
"""``frame-`` and 4-32 lower-case letters or digits; the certificate's common name and the MQTT user name."""

BootId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
"""Random, new each time the agent starts: with the sequence number it names one message for ever."""

Sequence = Annotated[int, Meta(ge=1, le=2**53 - 1)]
"""Counts the messages of one boot from 1, without gaps."""

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Uuid = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")]
ReleaseName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}\Z")]
"""What people and machines call a release: ``nano-1.0.0``, ``lips-fix-7f3a``."""

UnixSeconds = Annotated[float, Meta(ge=0, le=32503680000)]
"""Seconds since 1970 on the sender's clock, which may be wrong: the server stores its own time beside it."""

ShortText = Annotated[str, Meta(max_length=200)]
LongText = Annotated[str, Meta(max_length=2000)]
