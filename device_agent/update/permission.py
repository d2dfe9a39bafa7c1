"""May the frame do this now? Pure: what the frame is doing, its battery and the hour decide; nothing is touched.

| deed | waits while |
|---|---|
| download | the battery is low and nothing feeds it |
| install | the same, or a video plays: the merge takes a core and the disk |
| activate | the same, or the frame's maintenance window is closed |

A sensor that the frame lacks forbids nothing, and neither does a window that the clock cannot judge. What has begun
to be tried is tried to its end: between the swap and the verdict nothing waits.
"""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from frame_protocol.updates import UpdateState

LOW_BATTERY_PERCENT = 20.0
"""Below this an update could take the charge that a person still wants to watch with."""


class Deed(StrEnum):
    """What an update wants to do next."""

    DOWNLOAD = "download"
    INSTALL = "install"
    ACTIVATE = "activate"


DEEDS = {
    UpdateState.DOWNLOADING: Deed.DOWNLOAD,
    UpdateState.VERIFIED: Deed.INSTALL,
    UpdateState.INSTALLED: Deed.ACTIVATE,
}
"""What the step from a state does; the other steps take nothing that anybody would miss."""


@dataclass(frozen=True)
class Window:
    """Hours of every day by the clock on the wall: from ``start`` up to ``end``, over midnight if that is earlier."""

    start: time
    end: time

    def is_open(self, local: datetime) -> bool:
        """Tell whether the wall clock stands inside; an hour that the clock skips is not there to be inside of."""
        now = local.time()
        if self.start <= self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end


@dataclass(frozen=True)
class Use:
    """What the frame is doing, and when it is where the frame hangs."""

    battery_percent: float | None
    """None: there is no battery, or it does not say."""
    powered: bool | None
    """Whether something feeds the frame; None where nothing says so."""
    playing: bool
    local: datetime | None
    """The time in the frame's own zone; None while the clock is not set."""


def may(deed: Deed, use: Use, window: Window | None) -> str | None:
    """Return why the deed must wait, or None when it may be done now."""
    low = use.battery_percent is not None and use.battery_percent < LOW_BATTERY_PERCENT
    if low and use.powered is not True:
        return f"the battery is at {use.battery_percent:.0f} %, {LOW_BATTERY_PERCENT:.0f} % or a charger is needed"
    if deed is Deed.DOWNLOAD:
        return None
    if use.playing:
        return "a video plays"
    closed = window is not None and use.local is not None and not window.is_open(use.local)
    if deed is Deed.ACTIVATE and window is not None and closed:
        return f"the maintenance window is {window.start:%H:%M} to {window.end:%H:%M}"
    return None
