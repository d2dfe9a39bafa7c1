"""The frame's serial number: what the factory wrote into the machine, or one derived from the machine's own name."""

import hashlib
import re
from pathlib import Path

SOURCES = (Path("/proc/device-tree/serial-number"), Path("/sys/class/dmi/id/product_serial"))
MACHINE_ID = Path("/etc/machine-id")

_SERIAL = re.compile(r"^[A-Za-z0-9-]{4,40}\Z")
_MEANINGLESS = re.compile(r"^(0+|none|default.*|to-be-filled.*|not-specified|system-serial-number)$", re.IGNORECASE)


def find(sources: tuple[Path, ...] = SOURCES, machine_id: Path = MACHINE_ID) -> str | None:
    """Return the machine's serial number, or None when it has none and no machine id either."""
    for source in sources:
        text = _clean(_read(source))
        if _SERIAL.match(text) and not _MEANINGLESS.match(text):
            return text
    machine = _read(machine_id)
    return f"LF-{hashlib.sha256(machine.encode()).hexdigest()[:16]}" if machine else None


def is_valid(serial: str) -> bool:
    """Tell whether the contract allows this serial number."""
    return _SERIAL.match(serial) is not None


def _clean(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""
