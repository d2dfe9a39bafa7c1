"""``sw-description``: what SWUpdate reads first, and what the signature is made over. Pure text.

One image serves both slots; which of them is filled, the frame says with ``-e slots,b``. The device is named relative
to the folder in which the frame starts SWUpdate: on a device the names there are links to partitions.
"""

import re
from dataclasses import dataclass

from fleet_server.errors import Invalid
from frame_protocol.firmware import MAX_COUNTER, counter_line

IMAGE = "root.squashfs"
"""Name of the slot's file system inside the container."""
SLOTS = ("a", "b")
SOFTWARE_SET = "slots"

_HARDWARE = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")
_WORD = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$")


@dataclass(frozen=True)
class Facts:
    """What a firmware says of itself."""

    version: str
    hardware: str
    """The model of frame, as it is enrolled."""
    revisions: tuple[str, ...]
    """Revisions of that hardware which may run it."""
    counter: int
    """Of the release in the line ``firmware`` that the image is, or will be: frames never go below it."""

    def check(self) -> "Facts":
        """Return these facts, or say which of them cannot be written down."""
        if not _HARDWARE.match(self.hardware):
            raise Invalid(f"hardware {self.hardware!r}: a letter, then letters, digits, '-' and '_', were expected")
        for word in (self.version, *self.revisions):
            if not _WORD.match(word):
                raise Invalid(f"{word!r}: letters, digits and . _ + - were expected in a version or revision")
        if not self.revisions:
            raise Invalid("no hardware revision: name each that may run this firmware")
        if not 1 <= self.counter <= MAX_COUNTER:
            raise Invalid(f"counter {self.counter}: a whole number from 1 on was expected, that of the release")
        return self


def text(facts: Facts, image_sha256: str) -> str:
    """Return the description of a container that holds one image for either slot."""
    revisions = ", ".join(f'"{revision}"' for revision in facts.revisions)
    slots = "\n".join(_slot(slot, image_sha256) for slot in SLOTS)
    return (
        "software =\n{\n"
        f'  version = "{facts.version}";\n'
        f"{counter_line(facts.counter)}"
        f"  {facts.hardware} = {{\n"
        f"    hardware-compatibility: [ {revisions} ];\n"
        f"    {SOFTWARE_SET}: {{\n{slots}\n    }};\n"
        "  };\n}\n"
    )


def _slot(slot: str, image_sha256: str) -> str:
    return (
        f"      {slot}: {{ images: ( {{\n"
        f'        filename = "{IMAGE}"; type = "raw"; device = "slots/{slot}";\n'
        f'        sha256 = "{image_sha256}"; installed-directly = true;\n'
        "      } ); };"
    )
