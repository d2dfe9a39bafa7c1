"""A change of keys, or a renewal, on its way from the server past the people who sign it and back: one directory.

CHANGE/before/{root,director-root,targets,LINE}.json    as published
CHANGE/after/...                                        the next version of what changes, unsigned at first
CHANGE/chain/{root,director-root}/N.json                every root since the ceremony

A document is changed when keys that sign it are replaced, when keys that it names are replaced, or to renew it.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata, Root, Targets

from fleet_server.errors import ConfigurationError, Invalid
from fleet_server.pki import certificates, files
from fleet_server.signing import keys, metadata, roles, signatures
from frame_protocol.enrolment import FLEET_CA_FIELD

Document = Metadata[Any]
ROOTS = (roles.ROOT, roles.DIRECTOR_ROOT)
KINDS: dict[str, type[Root] | type[Targets]] = {
    **dict.fromkeys(ROOTS, Root),
    roles.TARGETS: Targets,
    **dict.fromkeys(roles.LINES, Targets),
}


@dataclass(frozen=True)
class Replacement:
    """New public keys: of one person, or of the server (``person`` None)."""

    person: int | None
    keys: Mapping[str, Key]


@dataclass(frozen=True)
class Change:
    """A change as it lies on disk."""

    directory: Path
    before: Mapping[str, Document]
    after: Mapping[str, Document]

    def current(self, name: str) -> Document:
        """Return the document as it will be."""
        return self.after.get(name, self.before[name])

    def signatures(self) -> dict[str, list[tuple[int, int]]]:
        """Return for each changed document how many signatures it has and needs, by each who judges it."""
        found = {}
        for name, document in self.after.items():
            found[name] = [metadata.signatures(judge, role, document) for judge, role in self.judges(name)]
        return found

    def judges(self, name: str) -> Iterator[tuple[Metadata[Root] | Metadata[Targets], str]]:
        """Yield who decides whether a changed document is signed: for a root the one before and itself."""
        if name in ROOTS:
            yield self.before[name], roles.ROOT
            yield self.after[name], roles.ROOT
        elif name == roles.TARGETS:
            yield self.current(roles.ROOT), roles.TARGETS
        else:
            yield self.current(roles.TARGETS), name


def build(
    before: Mapping[str, Document],
    chains: Mapping[str, list[bytes]],
    replacements: list[Replacement],
    at: datetime,
    out: Path,
    *,
    renew: bool,
    fleet_ca: Sequence[str] = (),
) -> Change:
    """Make the change on top of what is published; ``chains`` has the roots by repository, oldest first.

    ``fleet_ca``: the certificates (PEM) of every CA that frames are to trust from now on, if that changes.
    """
    if out.exists():
        raise ConfigurationError(f"{out} exists already; choose a new directory for the change")
    after = {name: copy.deepcopy(document) for name, document in before.items()}
    touched = set(after) if renew else set()
    for replacement in replacements:
        for role, key in replacement.keys.items():
            touched |= _replace(after, role, replacement.person, key)
    if fleet_ca and list(fleet_ca) != published_ca(before[roles.TARGETS]):
        after[roles.TARGETS].signed.unrecognized_fields[FLEET_CA_FIELD] = list(fleet_ca)
        touched.add(roles.TARGETS)
    if not touched:
        raise Invalid("nothing changes: name new keys, another --fleet-ca, or --renew")
    for name in touched:
        after[name].signed.version += 1
        after[name].signed.expires = at + roles.LIFETIME[name]
        after[name].signatures.clear()
    for name, document in before.items():
        files.write(out / "before" / f"{name}.json", metadata.dump(document), files.PUBLIC_MODE)
    for name in touched:
        files.write(out / "after" / f"{name}.json", metadata.dump(after[name]), files.PUBLIC_MODE)
    for repository, chain in chains.items():
        for number, data in enumerate(chain, 1):
            files.write(out / "chain" / repository / f"{number}.json", data, files.PUBLIC_MODE)
    return load(out)


def load(directory: Path) -> Change:
    """Read a change and check that it does what a change may do, and nothing else."""
    before = {name: _read(directory / "before" / f"{name}.json", kind) for name, kind in KINDS.items()}
    present = [name for name in KINDS if (directory / "after" / f"{name}.json").is_file()]
    after = {name: _read(directory / "after" / f"{name}.json", KINDS[name]) for name in present}
    if not after:
        raise ConfigurationError(f"{directory} is no change: it has no document in after/")
    for name, document in after.items():
        if document.signed.version != before[name].signed.version + 1:
            raise Invalid(f"{name}: version {document.signed.version} does not follow {before[name].signed.version}")
        if name in roles.LINES and document.signed.targets != before[name].signed.targets:
            raise Invalid(f"{name}: a change of keys does not change what is released; do not sign it")
    return Change(directory, before, after)


def sign(change: Change, person: Path, password: str, elsewhere: Mapping[str, Signer] | None = None) -> list[str]:
    """Add the signatures of the keys in ``person`` where they count; return the documents signed.

    ``elsewhere`` has signers, by role, of keys that the folder knows nothing of.

    What is published must follow from the roots that the person took home. Signing twice changes nothing.
    """
    for name in ROOTS:
        _verify_chain(change, name, person / f"{name}.json")
    metadata.verify(change.before[roles.ROOT], roles.TARGETS, change.before[roles.TARGETS])
    for line in roles.LINES:
        metadata.verify(change.before[roles.TARGETS], line, change.before[line])
    signed = []
    for name, document in change.after.items():
        if name not in (elsewhere or {}) and not keys.is_here(person / f"{name}.pem"):
            continue
        signer = (elsewhere or {}).get(name) or keys.open_signer(person / f"{name}.pem", password)
        if any(signer.public_key.keyid in _key_ids(judge, role) for judge, role in change.judges(name)):
            metadata.sign(document, signer)
            _store(change, name)
            signed.append(name)
    if not signed:
        raise Invalid(f"{person} holds no key that may sign this change; take the keys of this repository")
    return sorted(signed)


def merge(change: Change, source: Path) -> None:
    """Add the signatures of a file that a person's machine made of a copy of this change."""
    for name, given in signatures.read(source).items():
        if name not in change.after:
            raise Invalid(f"{source}: signs {name}, which this change does not touch; it is of another change")
        trusted = {keyid: judge.signed.get_key(keyid) for judge, role in change.judges(name)
                   for keyid in _key_ids(judge, role)}  # fmt: skip
        signatures.add(change.after[name], given, trusted, source)
        _store(change, name)


def _store(change: Change, name: str) -> None:
    path = change.directory / "after" / f"{name}.json"
    files.write(path, metadata.dump(change.after[name]), files.PUBLIC_MODE)


def describe(change: Change) -> list[str]:
    """Say in sentences what the change does, for those who sign it."""
    lines = []
    for name, document in sorted(change.after.items()):
        lines.append(f"{name}: version {document.signed.version}, until {document.signed.expires:%Y-%m-%d}")
        for role, (gone, new) in sorted(_moves(change.before[name], document).items()):
            lines.append(f"  {role}: takes {_names(new)} for {_names(gone)}")
        if published_ca(document) != published_ca(change.before[name]):
            prints = [certificates.fingerprint(pem.encode()) for pem in published_ca(document)]
            lines.append(f"  frames will trust the fleet CA {', '.join(prints)}, and no other")
    return lines


def published_ca(document: Document) -> list[str]:
    """Return the fleet's CAs that a document names; none unless it is targets and a CA was ever rotated."""
    return list(document.signed.unrecognized_fields.get(FLEET_CA_FIELD, []))


def verify(change: Change) -> None:
    """Raise Invalid unless every document is signed as all its judges ask, those that stay as before included."""
    for name in KINDS:
        if name in change.after:
            judges: Iterator[Any] = change.judges(name)
        elif name in ROOTS:
            continue
        else:
            delegator = roles.ROOT if name == roles.TARGETS else roles.TARGETS
            judges = iter([(change.current(delegator), name)])
        for judge, role in judges:
            metadata.verify(judge, role, change.current(name))


def _replace(documents: Mapping[str, Document], role: str, person: int | None, key: Key) -> set[str]:
    """Put ``key`` in the place of the person's, or the server's, in ``role``; return which documents it touches."""
    if role == roles.DIRECTOR:
        for online in (roles.TARGETS, *roles.ONLINE):
            _swap(documents[roles.DIRECTOR_ROOT].signed, online, None, key)
        return {roles.DIRECTOR_ROOT}
    if role == roles.DIRECTOR_ROOT:
        _swap(documents[role].signed, roles.ROOT, person, key)
        return {role}
    if role in roles.LINES:
        _swap(documents[roles.TARGETS].signed, role, person, key)
        return {roles.TARGETS, role}
    if role not in (roles.ROOT, roles.TARGETS, *roles.ONLINE):
        raise Invalid(f"there is no role {role}")
    _swap(documents[roles.ROOT].signed, role, person, key)
    return {roles.ROOT} | ({roles.TARGETS} if role == roles.TARGETS else set())


def _swap(delegator: Root | Targets, role: str, person: int | None, key: Key) -> None:
    named = delegator.get_delegated_role(role).keyids
    known = {keyid: delegator.get_key(keyid) for keyid in named}
    old = [keyid for keyid, one in known.items() if one.unrecognized_fields.get(roles.HOLDER_FIELD) == person]
    if len(old) != 1:
        who = "the server" if person is None else f"person {person}"
        raise Invalid(f"{role} names {len(old)} keys of {who}, expected one")
    delegator.revoke_key(old[0], role)
    delegator.add_key(key, role)


def _moves(before: Document, after: Document) -> dict[str, tuple[list[Key], list[Key]]]:
    """Return for each role that the document names: the keys that went and those that came."""
    found = {}
    for role in _named_roles(before):
        old, new = set(_key_ids(before, role)), set(_key_ids(after, role))
        if old != new:
            gone = [before.signed.get_key(keyid) for keyid in sorted(old - new)]
            found[role] = (gone, [after.signed.get_key(keyid) for keyid in sorted(new - old)])
    return found


def _named_roles(document: Document) -> list[str]:
    if isinstance(document.signed, Root):
        return sorted(document.signed.roles)
    delegations = document.signed.delegations
    return sorted(delegations.roles) if delegations and delegations.roles else []


def _names(given: list[Key]) -> str:
    return ", ".join(
        f"{key.keyid[:12]} of {'the server' if holder is None else f'person {holder}'}"
        for key in given
        for holder in [key.unrecognized_fields.get(roles.HOLDER_FIELD)]
    )


def _key_ids(document: Document, role: str) -> list[str]:
    return list(document.signed.get_delegated_role(role).keyids)


def _verify_chain(change: Change, name: str, own: Path) -> None:
    """Walk from the root that the person took home to the one that is published."""
    root: Metadata[Root] = _read(own, Root)
    wanted: Metadata[Root] = change.before[name]
    while root.signed.version < wanted.signed.version:
        root = metadata.follow(
            root, (change.directory / "chain" / name / f"{root.signed.version + 1}.json").read_bytes()
        )
    if metadata.dump(root) != metadata.dump(wanted):
        raise Invalid(f"{own}: the published {name} does not follow from it; do not sign what you were given")


def _read(path: Path, kind: type[Any]) -> Document:
    try:
        return metadata.parse(kind, path.read_bytes())
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} is missing") from error
