"""The director: says, signed anew for each question, which release one frame should run.

    keys/director.pem                the director's online key, beside the other two; never served
    director/N.root.json             its roots, held by people; served

The answer is TUF metadata of a repository that exists for this frame and this moment alone: targets with the manifest
and the artefacts of one release, a snapshot and a timestamp that name them. Its versions are the milliseconds since
1970 on the server's clock, so that an answer that is replayed is older than what the frame has seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from fleet_server.errors import ConfigurationError, Unavailable
from fleet_server.pki import files
from fleet_server.signing import keys, metadata, roles
from frame_protocol.codec import encode
from frame_protocol.updates import ASSIGNMENT_FIELD, Assignment, DirectorMetadata, manifest_path


@dataclass(frozen=True)
class Direction:
    """An assignment, and what the director knows of each file of its release: path -> (length, SHA-256)."""

    assignment: Assignment
    files: Mapping[str, tuple[int, str]]


class Director:
    """The director's part of the directory of the image repository."""

    def __init__(self, directory: Path) -> None:
        self.roots = directory / "director"
        self._key = directory / "keys" / f"{roles.DIRECTOR}.pem"

    @property
    def is_installed(self) -> bool:
        """Whether the ceremony's output was installed here."""
        return keys.is_here(self._key) and (self.roots / "1.root.json").is_file()

    def install(self, source: Path) -> None:
        """Take over what the ceremony made for the server."""
        if self.is_installed:
            raise ConfigurationError(f"{self.roots} holds a director already; it is not overwritten")
        try:
            root, key = (source / "director" / "1.root.json").read_bytes(), source / "keys" / self._key.name
            files.write(self._key, key.read_bytes())
        except FileNotFoundError as error:
            raise ConfigurationError(f"{source} has no director: hold the ceremony with this version") from error
        document = metadata.parse(Root, root)
        metadata.verify(document, roles.ROOT, document)
        files.write(self.roots / "1.root.json", root, files.PUBLIC_MODE)

    def direct(self, direction: Direction, at: datetime) -> bytes:
        """Return ``DirectorMetadata`` for the frame that the assignment names."""
        if not self.is_installed:
            raise Unavailable(
                "this server has no director yet: hold a key ceremony and run `fleet-server keys install`"
            )
        version, second = int(at.timestamp() * 1000), at.replace(microsecond=0)
        expires = second + roles.LIFETIME[roles.DIRECTOR]
        targets = Targets(version=version, expires=expires, targets={f.path: f for f in _entries(direction)})
        snapshot = Snapshot(version=version, expires=expires, meta={"targets.json": MetaFile(version)})
        timestamp = Timestamp(
            version=version,
            expires=expires,
            snapshot_meta=MetaFile(version),
            unrecognized_fields={roles.SIGNED_AT_FIELD: int(second.timestamp())},
        )
        signer = keys.open_signer(self._key, None)
        signed = []
        for document in (Metadata(timestamp), Metadata(snapshot), Metadata(targets)):
            metadata.sign(document, signer)
            signed.append(msgspec.Raw(metadata.dump(document)))
        return encode(DirectorMetadata(timestamp=signed[0], snapshot=signed[1], targets=signed[2]))


def _entries(direction: Direction) -> list[Any]:
    """Return the targets: the manifest, whose entry carries the assignment, and the artefacts."""
    assignment = direction.assignment
    manifest = manifest_path(assignment.line, assignment.release)
    custom = {ASSIGNMENT_FIELD: msgspec.to_builtins(assignment)}
    return [
        metadata.target(path, length, sha256, custom if path == manifest else None)
        for path, (length, sha256) in direction.files.items()
    ]
