"""Which model the frame renders with: two fields of the active slot's manifest, read without the engine."""

from pathlib import Path

import msgspec

from device_agent.system.home import Home
from frame_protocol.model_package import MANIFEST


class ActiveModel(msgspec.Struct, frozen=True):
    """What names a model to people and to machines."""

    model_id: str
    weights_sha256: str


def folder(home: Home) -> Path:
    """Return the link to the active slot, whether or not it leads anywhere."""
    return home.models / "active"


def read(directory: Path) -> ActiveModel | None:
    """Return what the model package in ``directory`` is called, or None when there is none that can be read."""
    try:
        return msgspec.json.decode((directory / MANIFEST).read_bytes(), type=ActiveModel)
    except (OSError, msgspec.MsgspecError):
        return None
