"""Who else acts on an event, in the same transaction as its row: a registry that the composition root fills."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from frame_protocol.telemetry import Event


@dataclass(frozen=True)
class Stored:
    """An event whose row was just inserted, for the first time."""

    frame: str
    boot: str
    seq: int
    received_at: datetime
    event: Event


Handler = Callable[[Session, Stored], None]
Handlers = Mapping[type, Handler]
