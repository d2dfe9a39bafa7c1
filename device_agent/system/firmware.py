"""Which firmware this program came with: a file in its environment, and the slot that the boot loader names."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

SLOT_VARIABLE = "LIVEFRAME_SLOT"
"""Set by whatever started this program from a slot; on a device, from the kernel's command line."""
FACTS = "firmware.json"


class Facts(msgspec.Struct, frozen=True):
    """Content of ``firmware.json``."""

    version: str = ""
    hardware: str = ""
    counter: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Of its release; 0: an image from before they carried one."""


def facts(prefix: Path | None = None) -> Facts:
    """Return what the firmware says of itself; a program that came without one says nothing."""
    try:
        return msgspec.json.decode(((prefix or Path(sys.prefix)) / FACTS).read_bytes(), type=Facts)
    except (OSError, msgspec.MsgspecError):
        return Facts()


def slot(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the slot that this program was started from, or None where there are no slots."""
    return (os.environ if environment is None else environment).get(SLOT_VARIABLE) or None
