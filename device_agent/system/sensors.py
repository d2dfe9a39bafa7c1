"""What the machine says about itself; a sensor it lacks, or that fails, is left out and never an error."""

import shutil
from pathlib import Path

from frame_protocol.telemetry import Health

SYS = Path("/sys")
PROC = Path("/proc")
PLAUSIBLE_CELSIUS = (-40.0, 150.0)
"""Outside of this a reading is a disconnected sensor."""
MAX_TEMPERATURES = 16
"""More zones than any board of ours has; keeps a message small."""

_MEBI = 1024.0 * 1024.0
_KIBI = 1024.0
_MICRO = 1e-6


def sample(
    storage: Path,
    *,
    sys: Path = SYS,
    proc: Path = PROC,
    agent_version: str = "",
    model_id: str = "",
    weights_sha256: str | None = None,
) -> Health:
    """Return one sample of the frame's condition; ``storage`` is a path on the disk to measure."""
    return Health(
        uptime_seconds=uptime(proc),
        memory_available_mb=memory_available_mb(proc),
        storage_free_mb=storage_free_mb(storage),
        temperatures=temperatures(sys),
        battery_percent=battery_percent(sys),
        power_watts=power_watts(sys),
        model_id=model_id,
        weights_sha256=weights_sha256,
        agent_version=agent_version,
    )


def uptime(proc: Path = PROC) -> float:
    """Return seconds since the kernel started, or 0 where it does not say."""
    text = _read(proc / "uptime")
    return _number(text.split()[0]) or 0.0 if text else 0.0


def memory_available_mb(proc: Path = PROC) -> float | None:
    """Return the memory that can be had without swapping, in MiB."""
    for line in (_read(proc / "meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            kibibytes = _number(line.split()[1])
            return None if kibibytes is None else kibibytes / _KIBI
    return None


def storage_free_mb(path: Path) -> float | None:
    """Return the space left on the disk of ``path``, in MiB."""
    try:
        return shutil.disk_usage(path).free / _MEBI
    except OSError:
        return None


def temperatures(sys: Path = SYS) -> dict[str, float]:
    """Return degrees Celsius by sensor name, from the thermal zones and the hardware monitors."""
    found: dict[str, float] = {}
    for zone in sorted((sys / "class" / "thermal").glob("thermal_zone*")):
        _add(found, _read(zone / "type") or zone.name, _read(zone / "temp"))
    for reading in sorted((sys / "class" / "hwmon").glob("hwmon*/temp*_input")):
        chip = _read(reading.parent / "name") or reading.parent.name
        label = _read(reading.with_name(reading.name.replace("_input", "_label"))) or reading.name.split("_")[0]
        _add(found, f"{chip} {label}", _read(reading))
    return dict(list(found.items())[:MAX_TEMPERATURES])


def battery_percent(sys: Path = SYS) -> float | None:
    """Return the charge of the first battery, or None for a frame without one."""
    for supply in _batteries(sys):
        percent = _number(_read(supply / "capacity"))
        if percent is not None:
            return min(100.0, max(0.0, percent))
    return None


def powered(sys: Path = SYS) -> bool | None:
    """Tell whether a charger or mains feeds the frame; None where no supply says so."""
    statuses = [_read(supply / "status") for supply in _batteries(sys)]
    if any(status in ("Charging", "Full", "Not charging") for status in statuses):
        return True
    others = [_read(path / "online") for path in sorted((sys / "class" / "power_supply").glob("*"))]
    known = [online for online in others if online is not None]
    if any(online != "0" for online in known):
        return True
    return False if known or "Discharging" in statuses else None


def power_watts(sys: Path = SYS) -> float | None:
    """Return the power that the first battery gives or takes, where its gauge measures it."""
    for supply in _batteries(sys):
        microwatts = _number(_read(supply / "power_now"))
        if microwatts is not None:
            return abs(microwatts) * _MICRO
        microamps, microvolts = _number(_read(supply / "current_now")), _number(_read(supply / "voltage_now"))
        if microamps is not None and microvolts is not None:
            return abs(microamps * _MICRO * microvolts * _MICRO)
    return None


def _batteries(sys: Path) -> list[Path]:
    supplies = sorted((sys / "class" / "power_supply").glob("*"))
    return [supply for supply in supplies if _read(supply / "type") == "Battery"]


def _add(found: dict[str, float], name: str, millidegrees: str | None) -> None:
    value = _number(millidegrees)
    if value is None or not PLAUSIBLE_CELSIUS[0] <= value / 1000.0 <= PLAUSIBLE_CELSIUS[1]:
        return
    unique, count = name[:100], 2
    while unique in found:
        unique, count = f"{name[:100]} {count}", count + 1
    found[unique] = value / 1000.0


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
