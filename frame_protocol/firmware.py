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

HEADER_BYTES, ALIGNMENT = 110, 4
"""Of an entry's header, and what name and content are filled up to."""

_HEADER = re.compile(rb"070702(?P<fields>[0-9A-Fa-f]{104})")
_FIELD_DIGITS = 8
_LENGTH_FIELD, _NAME_FIELD = 6, 11
_LINE = re.compile(rb"^  counter = ([1-9][0-9]{0,15});\n", re.MULTILINE)


def counter_line(counter: int) -> str:
    """Return the line of a description that says the counter."""
    return f"  counter = {counter};\n"


def carried_counter(head: bytes) -> int:
    """Return the counter of a ``.swu`` that begins with ``head``; 0: it was built before images carried one.

    MalformedPayload when it does not begin with a description of which ``head`` holds all.
    """
    length, name_length = entry_lengths(head)
    name = head[HEADER_BYTES : HEADER_BYTES + name_length].rstrip(b"\0")
    if name != DESCRIPTION.encode():
        raise MalformedPayload(f"it begins with {name[:40]!r}, {DESCRIPTION} was expected")
    start = aligned(HEADER_BYTES + name_length)
    if start + length > len(head):
        raise MalformedPayload(f"its {DESCRIPTION} is cut off or has {length} bytes, less were expected")
    found = _LINE.findall(head[start : start + length])
    if len(found) > 1:
        raise MalformedPayload(f"its {DESCRIPTION} says {len(found)} counters")
    return int(found[0]) if found else 0


def entry_lengths(header: bytes) -> tuple[int, int]:
    """Return how long an entry's content and its name are; MalformedPayload when ``header`` is none."""
    match = _HEADER.match(header)
    if match is None:
        raise MalformedPayload("a cpio archive with checksums was expected")
    return _number(match["fields"], _LENGTH_FIELD), _number(match["fields"], _NAME_FIELD)


def aligned(position: int) -> int:
    """Return where the next name, content or header begins, at ``position`` or after it."""
    return -(-position // ALIGNMENT) * ALIGNMENT


def _number(fields: bytes, field: int) -> int:
    return int(fields[field * _FIELD_DIGITS : (field + 1) * _FIELD_DIGITS], 16)
