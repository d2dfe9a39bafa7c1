"""The reporter of an enrolled frame: the outbox, opened at the first report."""

from device_agent.reporting import NO_BOOT
from device_agent.system import identity
from device_agent.system.home import Home
from device_agent.telemetry.outbox import Outbox
from frame_protocol.telemetry import Event


class OutboxReporter:
    """Appends to the outbox of a home; before enrolment there is nobody to report to, and nothing is kept."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._outbox: Outbox | None = None

    def report(self, event: Event, *, key: str | None = None) -> None:
        """Keep an event for the server, durably before this returns."""
        outbox = self._open()
        if outbox is not None:
            outbox.append(event, key=key)

    def boot(self) -> str:
        """Return the boot id that reports made now belong to."""
        outbox = self._open()
        return NO_BOOT if outbox is None else outbox.current_boot()

    def acknowledged(self) -> int:
        """Return how many reports of that boot the server has committed."""
        outbox = self._open()
        return 0 if outbox is None else outbox.acknowledged()

    def _open(self) -> Outbox | None:
        if self._outbox is None and identity.find(self._home) is not None:
            self._outbox = Outbox(self._home.outbox)
        return self._outbox
