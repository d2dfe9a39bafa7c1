"""The server's side of a change of keys: what is published, new online keys, the signed change put in place."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from fleet_server.errors import ConfigurationError, Conflict, Invalid
from fleet_server.pki import files
from fleet_server.signing import change as changes
from fleet_server.signing import keys, metadata, roles, token
from fleet_server.signing.change import Change, Document, Replacement
from fleet_server.signing.director import Director
from fleet_server.signing.repository import Repository

NEXT = "next"
"""Folder below ``keys/`` with online keys that no root names yet."""


def published(repository: Repository, director: Director) -> tuple[dict[str, Document], dict[str, list[bytes]]]:
    """Return every document that people sign as it is published, and the chains of roots, oldest first."""
    state = repository.state()
    chains = {roles.ROOT: _chain(repository.metadata), roles.DIRECTOR_ROOT: _chain(director.roots)}
    documents: dict[str, Document] = {name: metadata.parse(Root, chain[-1]) for name, chain in chains.items()}
    documents |= {name: metadata.parse(Targets, state.documents[name]) for name in (roles.TARGETS, *roles.LINES)}
    return documents, chains


def new_online_keys(repository: Repository, which: Iterable[str], elsewhere: Mapping[str, str]) -> bytes:
    """Make new online keys beside those in use; return their public halves for a change.

    ``elsewhere`` maps a role to the URI of a key that the server's token holds already.
    """
    public: dict[str, Key] = {}
    for role in which:
        path = repository.keys / NEXT / f"{role}.pem"
        keys.discard(path)
        if role in elsewhere:
            public[role] = token.public_key(elsewhere[role], keys.server_pin())
            keys.refer(path, elsewhere[role], public[role])
        else:
            public[role] = keys.generate(path, None)
    return public_keys(None, public)


def public_keys(person: int | None, public: Mapping[str, Key]) -> bytes:
    """Return the file in which public halves travel."""
    named = {role: {"keyid": key.keyid, **key.to_dict()} for role, key in public.items()}
    return json.dumps({"v": 1, "person": person, "keys": named}, indent=1).encode()


def read_public_keys(path: Path) -> Replacement:
    """Read such a file."""
    try:
        document = json.loads(path.read_bytes())
        made = {role: Key.from_dict(key.pop("keyid"), key) for role, key in document["keys"].items()}
        return Replacement(document["person"], made)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} is missing") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Invalid(f"{path} holds no public keys ({error!r}); keys person and keys new-online make it") from error


def apply(repository: Repository, director: Director, change: Change, at: datetime) -> None:
    """Verify a signed change and put it in place; after a crash in between, the same again ends it.

    Files under new names first, then the server's keys, then the roots, then snapshot and timestamp.
    """
    changes.verify(change)
    with repository.locked():
        current, _ = published(repository, director)
        for name, document in change.before.items():
            if current[name].signed not in (document.signed, change.current(name).signed):
                raise Conflict(f"{name} was published anew since this change was made; make the change again")
        for name in (*roles.LINES, roles.TARGETS):
            if name in change.after:
                document = change.after[name]
                repository.write(f"{document.signed.version}.{name}.json", metadata.dump(document))
        _take_keys(repository, change)
        for name, directory in ((roles.ROOT, repository.metadata), (roles.DIRECTOR_ROOT, director.roots)):
            if name in change.after:
                path = directory / f"{change.after[name].signed.version}.root.json"
                files.write(path, metadata.dump(change.after[name]), files.PUBLIC_MODE)
        documents = {name: metadata.dump(change.current(name)) for name in (roles.TARGETS, *roles.LINES)}
        _sign_anew(repository, change.current(roles.ROOT), documents, at)


def restore(repository: Repository, at: datetime) -> dict[str, int]:
    """Serve again the newest documents that the people's keys signed, whatever snapshot and timestamp say now.

    For a server whose files somebody else has written to. Return the version of each.
    """
    with repository.locked():
        root = metadata.parse(Root, _chain(repository.metadata)[-1])
        targets = _newest(repository, root, roles.TARGETS)
        found = {roles.TARGETS: targets}
        found |= {line.value: _newest(repository, targets, line) for line in roles.LINES}
        _sign_anew(repository, root, {name: metadata.dump(document) for name, document in found.items()}, at)
    return {name: document.signed.version for name, document in found.items()}


def _take_keys(repository: Repository, change: Change) -> None:
    """Let the new online keys take the place of the old ones, where the roots now name them."""
    wanted = {role: _only_key(change.current(roles.ROOT), role) for role in roles.ONLINE}
    wanted[roles.DIRECTOR] = _only_key(change.current(roles.DIRECTOR_ROOT), roles.TARGETS)
    for role, keyid in wanted.items():
        path, following = repository.keys / f"{role}.pem", repository.keys / NEXT / f"{role}.pem"
        if keys.is_here(path) and keys.open_signer(path, None).public_key.keyid == keyid:
            continue
        if not keys.is_here(following) or keys.open_signer(following, None).public_key.keyid != keyid:
            raise Invalid(f"the change names a {role} key that is not here; keys new-online makes one")
        keys.move(following, path)


def _only_key(root: Document, role: str) -> str:
    (keyid,) = root.signed.roles[role].keyids
    return str(keyid)


def _sign_anew(repository: Repository, root: Metadata[Root], documents: dict[str, bytes], at: datetime) -> None:
    """Sign snapshot and timestamp above every version that lies here."""
    snapshots = [int(path.name.split(".")[0]) for path in repository.metadata.glob("*.snapshot.json")]
    timestamp = _version(repository.metadata / "timestamp.json", Timestamp)
    last = max(snapshots, default=0)
    named = _version(repository.metadata / f"{last}.snapshot.json", Snapshot)
    repository.sign_online(root, documents, max(last, named) + 1, timestamp + 1, at)


def _version(path: Path, kind: type[Any]) -> int:
    try:
        return int(metadata.parse(kind, path.read_bytes()).signed.version)
    except (Invalid, FileNotFoundError):
        return 0


def _newest(repository: Repository, delegator: Document, role: str) -> Metadata[Targets]:
    versions = [int(path.name.split(".")[0]) for path in repository.metadata.glob(f"*.{role}.json")]
    for version in sorted(versions, reverse=True):
        try:
            document = metadata.parse(Targets, (repository.metadata / f"{version}.{role}.json").read_bytes())
            metadata.verify(delegator, role, document)
        except Invalid:
            continue
        return document
    raise ConfigurationError(f"no {role} that people signed is left in {repository.metadata}; restore a backup")


def _chain(directory: Path) -> list[bytes]:
    """Return the roots from the first to the newest, each signed by itself and the one before."""
    found: list[bytes] = []
    root: Metadata[Root] | None = None
    while (path := directory / f"{len(found) + 1}.root.json").is_file():
        following = metadata.parse(Root, path.read_bytes())
        try:
            metadata.verify(root or following, roles.ROOT, following)
            metadata.verify(following, roles.ROOT, following)
        except Invalid:
            break
        root = following
        found.append(path.read_bytes())
    if not found:
        raise ConfigurationError(f"{directory} holds no root; hold a ceremony and run `fleet-server keys install`")
    return found
