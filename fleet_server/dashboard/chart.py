"""Geometry of the completion chart (pure); the template draws it as SVG without scripts or inline styles."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 960
HEIGHT = 150
BASELINE = 122
TOP = 12
GAP_SHARE = 0.28


@dataclass(frozen=True)
class Bar:
    """One day."""

    day: str
    label: str
    x: float
    width: float
    y: float
    height: float
    playbacks: int
    percent: float | None


def bars(days: Sequence[tuple[str, int, float | None]]) -> list[Bar]:
    """Return a bar for each (day, playbacks, rate); the height is the rate, an empty day has no height."""
    slot = WIDTH / max(1, len(days))
    width = slot * (1 - GAP_SHARE)
    made = []
    for number, (day, playbacks, rate) in enumerate(days):
        height = (BASELINE - TOP) * (rate or 0.0)
        made.append(
            Bar(
                day=day,
                label=day[8:].lstrip("0"),
                x=round(number * slot + (slot - width) / 2, 1),
                width=round(width, 1),
                y=round(BASELINE - height, 1),
                height=round(height, 1),
                playbacks=playbacks,
                percent=None if rate is None else round(100 * rate, 1),
            )
        )
    return made


def grid() -> list[tuple[int, float]]:
    """The lines at 0, 50 and 100 percent: (percent, y)."""
    return [(percent, BASELINE - (BASELINE - TOP) * percent / 100) for percent in (0, 50, 100)]
