"""Three clocks: the wall (may say 1970), the monotonic one (never jumps) and the kernel's boot (when both began)."""

import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from device_agent.system.files import atomic_write

BUILD_FLOOR = 1_763_769_600.0
"""22 November 2025: no frame runs this program before that day, so an earlier clock is not set yet."""

FLOOR_STEP_SECONDS = 3600.0
"""The stored floor follows the clock in steps of an hour: one small write an hour."""

UTC_ZONE = "UTC"

_KERNEL_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ClockFloor(msgspec.Struct, frozen=True):
    """Content of ``clock.json``."""

    seen: float


def wall() -> float:
    """Return seconds since 1970 as this machine believes, never below zero."""
    return max(0.0, time.time())


def local(now: float, zone: str) -> datetime:
    """Return the moment in the zone (IANA name) of a frame; a zone that nobody knows is UTC."""
    return datetime.fromtimestamp(now, known_zone(zone))


def known_zone(name: str) -> ZoneInfo:
    """Return the zone of that IANA name; one that nobody knows is UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(UTC_ZONE)


def monotonic() -> float:
    """Return seconds that only grow."""
    return time.monotonic()


def kernel_boot() -> str:
    """Return a name for this run of the kernel; a machine without one gets the same empty name for ever."""
    try:
        return _KERNEL_BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def is_plausible(now: float, floor: float) -> bool:
    """Tell whether ``now`` can be right: not before a moment that is known to have passed."""
    return now >= max(floor, BUILD_FLOOR)


def read_floor(path: Path) -> float:
    """Return the latest time stored as past; a missing or damaged file says only what the build knows."""
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=ClockFloor).seen
    except (OSError, msgspec.MsgspecError):
        stored = 0.0
    return max(stored, BUILD_FLOOR)


def raise_floor(path: Path, now: float) -> None:
    """Remember ``now`` as past, at most once an hour; a clock that is behind changes nothing."""
    if now >= read_floor(path) + FLOOR_STEP_SECONDS:
        atomic_write(path, msgspec.json.encode(ClockFloor(seen=now)), mode=0o600)
