"""The shapes of our TUF metadata: built, signed, parsed and checked here (pure but for the signers' own keys)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from securesystemslib.signer import Key, Signer
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from fleet_server.errors import Invalid
from fleet_server.signing import roles
from frame_protocol.updates import Line, path_patterns

Signed = TypeVar("Signed", Root, Snapshot, Targets, Timestamp)
SPEC_MAJOR = "1."


def now() -> datetime:
    """This moment, in whole seconds as TUF writes them."""
    return datetime.now(UTC).replace(microsecond=0)


def new_root(keys: Mapping[str, list[Key]], threshold: int, at: datetime) -> Metadata[Root]:
    """Return an unsigned first root: ``keys`` of root, targets, snapshot and timestamp."""
    root = Root(version=1, expires=at + roles.LIFETIME[roles.ROOT], consistent_snapshot=True)
    for role in (roles.ROOT, roles.TARGETS, *roles.ONLINE):
        for key in keys[role]:
            root.add_key(key, role)
        root.roles[role].threshold = 1 if role in roles.ONLINE else threshold
    return Metadata(root)


def new_director_root(people: list[Key], threshold: int, director: Key, at: datetime) -> Metadata[Root]:
    """Return an unsigned first root of the director: people hold it, one online key signs all the rest."""
    root = Root(version=1, expires=at + roles.LIFETIME[roles.DIRECTOR_ROOT], consistent_snapshot=True)
    for key in people:
        root.add_key(key, roles.ROOT)
    root.roles[roles.ROOT].threshold = threshold
    for role in (roles.TARGETS, *roles.ONLINE):
        root.add_key(director, role)
    return Metadata(root)


def new_targets(keys: Mapping[str, list[Key]], threshold: int, at: datetime) -> Metadata[Targets]:
    """Return unsigned top-level targets: no files of its own, one delegation for each line."""
    delegated = {
        line.value: DelegatedRole(
            name=line.value,
            keyids=[key.keyid for key in keys[line]],
            threshold=threshold,
            terminating=True,
            paths=path_patterns(line),
        )
        for line in roles.LINES
    }
    every = {key.keyid: key for line in roles.LINES for key in keys[line]}
    return Metadata(
        Targets(version=1, expires=at + roles.LIFETIME[roles.TARGETS], delegations=Delegations(every, delegated))
    )


def empty_line(line: Line, at: datetime) -> Metadata[Targets]:
    """Return unsigned metadata of a line without releases."""
    return Metadata(Targets(version=1, expires=at + roles.LIFETIME[line]))


def next_line(current: Metadata[Targets], line: Line, added: Iterable[TargetFile], at: datetime) -> Metadata[Targets]:
    """Return the unsigned next version of a line: everything it had, and ``added``."""
    targets = {**current.signed.targets, **{target.path: target for target in added}}
    return Metadata(Targets(version=current.signed.version + 1, expires=at + roles.LIFETIME[line], targets=targets))


def next_snapshot(version: int, files: Mapping[str, bytes], at: datetime) -> Metadata[Snapshot]:
    """Return an unsigned snapshot of targets metadata; ``files`` maps role to the bytes of its current version."""
    meta = {}
    for role, data in files.items():
        meta[f"{role}.json"] = MetaFile.from_data(parse(Targets, data).signed.version, data, ["sha256"])
    return Metadata(Snapshot(version=version, expires=at + roles.LIFETIME[roles.SNAPSHOT], meta=meta))


def next_timestamp(version: int, snapshot_version: int, snapshot: bytes, at: datetime) -> Metadata[Timestamp]:
    """Return an unsigned timestamp that names ``snapshot`` and says when it was made."""
    return Metadata(
        Timestamp(
            version=version,
            expires=at + roles.LIFETIME[roles.TIMESTAMP],
            snapshot_meta=MetaFile.from_data(snapshot_version, snapshot, ["sha256"]),
            unrecognized_fields={roles.SIGNED_AT_FIELD: int(at.timestamp())},
        )
    )


def target(path: str, length: int, sha256: str, custom: dict[str, Any] | None = None) -> TargetFile:
    """Return a signed target's entry."""
    return TargetFile(length, {"sha256": sha256}, path, {"custom": custom} if custom else None)


def sign(document: Metadata[Any], signer: Signer) -> None:
    """Add one signature to the others."""
    document.sign(signer, append=True)


def dump(document: Metadata[Any]) -> bytes:
    """Return the bytes that are stored and served."""
    return document.to_bytes(JSONSerializer(compact=True))


def parse(kind: type[Signed], data: bytes) -> Metadata[Signed]:
    """Read a document of ``kind``; nothing about its signatures is checked."""
    try:
        document: Metadata[Any] = Metadata.from_bytes(data)
    except RepositoryError as error:
        raise Invalid(f"expected {kind.type} metadata, got something else: {error}") from error
    if not isinstance(document.signed, kind):
        raise Invalid(f"expected {kind.type} metadata, got {document.signed.type}")
    return document


def verify(delegator: Metadata[Root] | Metadata[Targets], role: str, document: Metadata[Any]) -> None:
    """Raise Invalid unless enough of the keys that ``delegator`` names for ``role`` have signed."""
    try:
        delegator.signed.verify_delegate(role, document.signed_bytes, document.signatures)
    except (UnsignedMetadataError, ValueError) as error:
        raise Invalid(f"the metadata of {role} is not signed as its delegator asks: {error}") from error


def follow(root: Metadata[Root], data: bytes) -> Metadata[Root]:
    """Return the root that follows ``root``, signed as both ask."""
    following = parse(Root, data)
    verify(root, roles.ROOT, following)
    verify(following, roles.ROOT, following)
    return following


def signatures(
    delegator: Metadata[Root] | Metadata[Targets], role: str, document: Metadata[Signed]
) -> tuple[int, int]:
    """Return how many valid signatures there are, and how many are needed."""
    result = delegator.signed.get_verification_result(role, document.signed_bytes, document.signatures)
    return len(result.signed), result.threshold
