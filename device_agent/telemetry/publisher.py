"""When to publish what (docs/protocol.md, "Telemetry and its acknowledgement", steps 2 and 5).

``Resend`` decides and touches nothing; ``Publisher`` asks it, reads the outbox and hands messages to the link.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from device_agent.system.backoff import delay
from device_agent.telemetry.outbox import Outbox, Pending
from frame_protocol import codec
from frame_protocol.telemetry import Ack

FIRST_RESEND_SECONDS = 10.0
LONGEST_RESEND_SECONDS = 300.0
WINDOW = 500
"""Messages on their way without the server's acknowledgement; a broker keeps 1,000 for a consumer that is away."""

Place = tuple[int, int]


@dataclass(frozen=True)
class Resend:
    """What has gone out on this connection, and when it goes out again if nothing is heard."""

    published: Place | None = None
    attempt: int = 0
    deadline: float | None = None

    def connected(self) -> "Resend":
        """A new connection: everything that is left goes out again."""
        return Resend()

    def select(self, window: Sequence[Pending], now: float) -> tuple["Resend", Sequence[Pending]]:
        """Return what to publish now of the oldest unacknowledged messages, and the state after it."""
        if not window:
            return Resend(published=self.published), ()
        state = self._again() if self.deadline is not None and now >= self.deadline else self
        due = [item for item in window if state.published is None or item.place > state.published]
        if due:
            state = replace(state, published=due[-1].place)
        if state.deadline is None:
            state = replace(state, deadline=now + _wait(state.attempt))
        return state, due

    def acknowledged(self, now: float) -> "Resend":
        """The server has committed something: the patience starts anew."""
        return replace(self, attempt=0, deadline=now + _wait(0))

    def _again(self) -> "Resend":
        return Resend(published=None, attempt=self.attempt + 1, deadline=None)


class Publisher:
    """Moves messages from the outbox to the link; deletes them only on the server's acknowledgement."""

    def __init__(self, outbox: Outbox, frame_id: str, publish: Callable[[bytes], None]) -> None:
        self._outbox = outbox
        self._frame_id = frame_id
        self._publish = publish
        self._state = Resend()

    def connected(self) -> None:
        """Note that the connection is new."""
        self._state = self._state.connected()

    def step(self, now: float) -> int:
        """Publish what is due and return how many messages that were."""
        self._state, due = self._state.select(self._outbox.unacknowledged(WINDOW), now)
        for pending in due:
            self._publish(codec.encode(pending.message(self._frame_id)))
        return len(due)

    def acknowledge(self, ack: Ack, now: float) -> int:
        """Delete what the server has committed and return how many messages went."""
        gone = self._outbox.acknowledge(ack.boot, ack.seq)
        if gone:
            self._state = self._state.acknowledged(now)
        return gone


def _wait(attempt: int) -> float:
    return delay(attempt, first=FIRST_RESEND_SECONDS, longest=LONGEST_RESEND_SECONDS)
