"""How this model of frame installs firmware: ``firmware/settings.json`` in the home, put there by the factory.

A frame without the file installs no firmware, and says so to the server when a release holds one.
"""

from pathlib import Path
from typing import Literal

import msgspec

from device_agent.errors import StorageError

CERTIFICATE = Path("/etc/liveframe/firmware-certificate.pem")
"""Where the factory puts the certificate that firmware is verified with."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Content of ``settings.json``."""

    installer: Literal["swupdate", "rauc"] = "swupdate"
    certificate: str = str(CERTIFICATE)
    revision: str = "1.0"
    """Revision of the hardware, which the firmware must name."""
    heartbeats: int = 2
    """Reports of a new firmware that the server must have acknowledged before it is kept."""
    silent_polls: int = 12
    """Polls in a row without them after which it goes back: about an hour at the usual rhythm."""
    rauc_bus: str = ""
    """Address of the D-Bus on which RAUC listens; empty: the system bus."""
    plain_bundles: bool = False
    """Whether RAUC may install ``plain`` bundles. In tests only: see docs/firmware.md."""


def load(path: Path) -> Settings | None:
    """Return the settings, or None on a frame that installs no firmware."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageError(f"{path}: {error}; expected the firmware settings, see docs/firmware.md") from error
