"""Errors of the contract between frame, server and laboratory.

ProtocolError
├── MalformedPayload    the bytes are not the JSON that docs/protocol.md describes
└── UnsupportedVersion  the version field names a format this program does not speak
"""


class ProtocolError(Exception):
    """Something that arrived breaks the contract; the message says what was expected and what came."""


class MalformedPayload(ProtocolError):
    """The payload cannot be decoded or breaks a documented limit."""


class UnsupportedVersion(ProtocolError):
    """The payload's version field is newer than this program, or not a version at all."""
