"""JSON in and out: bounded, validated in C by msgspec, unknown fields ignored (docs/protocol.md, "Rules")."""

from typing import TypeVar

import msgspec

from frame_protocol.errors import MalformedPayload, UnsupportedVersion

MAX_PAYLOAD_BYTES = 64 * 1024
"""Largest JSON payload on any channel; clips and artefacts travel as files, never inside a payload."""

T = TypeVar("T", bound="Versioned")


class Versioned(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=False):
    """A payload whose first field is the version of its format."""

    v: int = 1


def encode(value: msgspec.Struct) -> bytes:
    """Return the compact JSON of a payload."""
    return msgspec.json.encode(value)


def canonical(value: msgspec.Struct) -> bytes:
    """Return the one byte string that signatures are made over: compact JSON with sorted keys."""
    return msgspec.json.encode(value, order="sorted")


def decode(data: bytes, kind: type[T], *, limit: int = MAX_PAYLOAD_BYTES) -> T:
    """Decode and validate ``data`` as ``kind``.

    Raises MalformedPayload when it is too long or does not fit, UnsupportedVersion for another version.
    """
    if len(data) > limit:
        raise MalformedPayload(f"{kind.__name__}: {len(data)} bytes came, at most {limit} are accepted")
    try:
        value = msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedPayload(f"{kind.__name__}: {error}") from error
    if value.v != 1:
        raise UnsupportedVersion(f"{kind.__name__}: version {value.v} came, this program speaks version 1")
    return value
