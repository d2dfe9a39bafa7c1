"""The counter that a firmware image carries, as its container tells it (docs/firmware.md, "The image's own counter").

A ``.swu`` begins with ``sw-description``, which the firmware's key signs: cpio(5), "New CRC Format", 110 octets of
hexadecimal, the name, then the content, each filled up to four octets.
"""

import re

from frame_protocol.errors import MalformedPayload

DESCRIPTION = "sw-description"
HEAD_BYTES = 64 * 1024
"""The description is within the first bytes of a container; it has less than one kilobyte."""
MAX_COUNTER = 2**53 - 1
"""Every reader of JSON keeps a whole number up to here."""

_MAGIC = b"070702"
_HEADER_BYTES = 110
_FIELD_BYTES = 8
_LENGTH_FIELD, _NAME_FIELD = 6, 11
_ALIGNMENT = 4
_LINE = re.compile(rb"^  counter = ([1-9][0-9]{0,15});\n", re.MULTILINE)


def counter_line(counter: int) -> str:
    """Return the line of a description that says the counter."""
    return f"  counter = {counter};\n"


def carried_counter(head: bytes) -> int:
    """Return the counter of a ``.swu`` that begins with ``head``; 0: it was built before images carried one.

    MalformedPayload when it does not begin with a description of which ``head`` holds all.
    """
    if not head.startswith(_MAGIC) or len(head) < _HEADER_BYTES:
        raise MalformedPayload("a cpio archive with checksums was expected")
    length, name_length = _number(head, _LENGTH_FIELD), _number(head, _NAME_FIELD)
    name = head[_HEADER_BYTES : _HEADER_BYTES + name_length].rstrip(b"\0")
    if name != DESCRIPTION.encode():
        raise MalformedPayload(f"it begins with {name[:40]!r}, {DESCRIPTION} was expected")
    start = -(-(_HEADER_BYTES + name_length) // _ALIGNMENT) * _ALIGNMENT
    if start + length > len(head):
        raise MalformedPayload(f"its {DESCRIPTION} is cut off or has {length} bytes, less were expected")
    found = _LINE.findall(head[start : start + length])
    if len(found) > 1:
        raise MalformedPayload(f"its {DESCRIPTION} says {len(found)} counters")
    return int(found[0]) if found else 0


def _number(head: bytes, field: int) -> int:
    start = len(_MAGIC) + field * _FIELD_BYTES
    try:
        return int(head[start : start + _FIELD_BYTES], 16)
    except ValueError as error:
        raise MalformedPayload("a field of the archive is no number") from error
