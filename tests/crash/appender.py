"""A program that fills an outbox and has half of it acknowledged, and says after each step that it is done.

``python -m tests.crash.appender OUTBOX``; started again it does the same, under the same keys.
"""

import os
import sys
from pathlib import Path

from device_agent.telemetry.outbox import Outbox
from frame_protocol.telemetry import Fault

EVENTS = 12
ACKNOWLEDGED = 6
"""So many are acknowledged when so many are there."""


def code(number: int) -> str:
    """Return what names an event."""
    return f"event-{number}"


def main() -> None:
    """Append, acknowledge, append."""
    outbox = Outbox(Path(sys.argv[1]))
    for number in range(1, EVENTS + 1):
        seq = outbox.append(Fault(code=code(number), detail="x" * 100), key=code(number))
        _say(f"appended {number} {seq}")
        if number == ACKNOWLEDGED:
            outbox.acknowledge(outbox.current_boot(), seq)
            _say("acknowledged")
    outbox.close()


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
