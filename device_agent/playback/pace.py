"""Decides when a picture is due and when it comes too late to be worth showing; no clock in here."""

from dataclasses import dataclass

LATE_SECONDS = 0.04
"""A picture later than one frame is dropped: its successor is due."""


@dataclass(frozen=True)
class Pace:
    """Maps the video's time to the clock's; ``speed`` 0 means as fast as possible."""

    start: float
    speed: float

    def wait(self, second: float, now: float) -> float:
        """Return how long to wait before showing the picture of ``second``; 0 or less means now."""
        return 0.0 if self.speed == 0 else self.start + second / self.speed - now

    def too_late(self, second: float, now: float) -> bool:
        """Say whether the picture of ``second`` should be dropped."""
        return self.wait(second, now) < -LATE_SECONDS
