"""A release on its way from the person who builds it, past those who sign it, to the server: one directory.

BUNDLE/chain/N.json              every root since the builder's, up to the newest
BUNDLE/root.json                 the newest root
BUNDLE/targets.json              top-level targets, verified against it: who must sign the line
BUNDLE/LINE.json                 next metadata of the line, unsigned at first
BUNDLE/targets/PATH              the manifest and the artefacts, under their target paths
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from fleet_server.errors import ConfigurationError, Invalid
from fleet_server.pki import files
from fleet_server.signing import firmware_images, keys, metadata, roles, signatures
from frame_protocol.codec import decode, encode
from frame_protocol.content import decode_pack
from frame_protocol.errors import ProtocolError
from frame_protocol.updates import Artefact, ArtefactKind, Line, Release, Requirements, artefact_path, manifest_path

ReadMetadata = Callable[[str], bytes | None]
"""Name of a metadata file -> its bytes, or None when there is none."""

COUNTER, STEP = "counter", "step"
"""Fields of the ``custom`` part of a manifest's entry, for those who build the next release."""

_FILE_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,99}\Z")


@dataclass(frozen=True)
class Plan:
    """What a release shall be."""

    line: Line
    name: str
    counter: int
    title: str
    artefacts: Sequence[tuple[ArtefactKind, Path]]
    requires: Requirements
    result_weights_sha256: str | None
    step: bool = False


@dataclass(frozen=True)
class Bundle:
    """A bundle as it lies on disk."""

    directory: Path
    line: Line
    root: Metadata[Root]
    targets: Metadata[Targets]
    document: Metadata[Targets]
    release: Release

    @property
    def data(self) -> bytes:
        """The line's metadata with the signatures it has so far."""
        return metadata.dump(self.document)

    def artefact(self, path: str) -> Path:
        """Return where the file of a target path lies in the bundle."""
        return self.directory / "targets" / path

    def signatures(self) -> tuple[int, int]:
        """Return how many valid signatures there are, and how many are needed."""
        return metadata.signatures(self.targets, self.line, self.document)


def build(plan: Plan, read: ReadMetadata, trusted_root: bytes, out: Path) -> Bundle:
    """Make the bundle of a new release on top of what is published; ``trusted_root`` is the ceremony's."""
    if out.exists():
        raise ConfigurationError(f"{out} exists already; choose a new directory for the bundle")
    chain, targets, current = _published(plan.line, read, trusted_root)
    root = chain[-1]
    at = metadata.now()
    release = _release(plan, _last_step(current))
    manifest = manifest_path(plan.line, plan.name)
    if manifest in current.signed.targets:
        raise Invalid(f"{plan.name} is published already; a release never changes, choose another name")
    _check_counter(plan, current)
    for kind, source in plan.artefacts:
        if kind is ArtefactKind.FIRMWARE:
            firmware_images.check(release, source.name, source)
    files.write(out / "root.json", metadata.dump(root), files.PUBLIC_MODE)
    for link in chain:
        files.write(out / "chain" / f"{link.signed.version}.json", metadata.dump(link), files.PUBLIC_MODE)
    files.write(out / "targets.json", metadata.dump(targets), files.PUBLIC_MODE)
    files.write(out / "previous.json", metadata.dump(current), files.PUBLIC_MODE)
    data = encode(release)
    files.write(out / "targets" / manifest, data, files.PUBLIC_MODE)
    custom = {COUNTER: plan.counter, STEP: plan.step}
    added = [metadata.target(manifest, len(data), hashlib.sha256(data).hexdigest(), custom)]
    for (_, source), artefact in zip(plan.artefacts, release.artefacts, strict=True):
        (out / "targets" / artefact.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, out / "targets" / artefact.path)
        added.append(metadata.target(artefact.path, artefact.length, artefact.sha256))
    document = metadata.next_line(current, plan.line, added, at)
    files.write(out / f"{plan.line}.json", metadata.dump(document), files.PUBLIC_MODE)
    return load(out)


def load(directory: Path) -> Bundle:
    """Read a bundle and check that it adds one release and nothing else, every file of it as its entry says."""
    line = next((line for line in Line if (directory / f"{line}.json").is_file()), None)
    if line is None:
        raise ConfigurationError(f"{directory} is no release bundle: it has no metadata of a line")
    root = metadata.parse(Root, (directory / "root.json").read_bytes())
    targets = metadata.parse(Targets, (directory / "targets.json").read_bytes())
    metadata.verify(root, roles.TARGETS, targets)
    document = metadata.parse(Targets, (directory / f"{line}.json").read_bytes())
    manifests = sorted((directory / "targets" / "releases" / line).glob("*.json"))
    if len(manifests) != 1:
        raise ConfigurationError(f"{directory} holds {len(manifests)} release manifests, expected one")
    try:
        release = decode(manifests[0].read_bytes(), Release)
    except ProtocolError as error:
        raise Invalid(f"{manifests[0]}: {error}") from error
    bundle = Bundle(directory, line, root, targets, document, release)
    paths = [manifest_path(line, release.name), *(artefact.path for artefact in release.artefacts)]
    for path in paths:
        _check_file(bundle.artefact(path), document.signed.targets.get(path))
    previous = metadata.parse(Targets, (directory / "previous.json").read_bytes())
    metadata.verify(targets, line, previous)
    _check_nothing_else(previous, document, set(paths))
    for artefact in release.artefacts:
        entry = document.signed.targets[artefact.path]
        if (artefact.length, artefact.sha256) != (entry.length, entry.hashes.get("sha256")):
            raise Invalid(f"{artefact.path}: the manifest and the metadata to be signed differ")
        if artefact.kind is ArtefactKind.FIRMWARE:
            firmware_images.check(release, artefact.path, bundle.artefact(artefact.path))
    return bundle


def sign(bundle: Bundle, person: Path, password: str, elsewhere: Signer | None = None) -> Bundle:
    """Add the signature of the person whose keys lie in ``person``; signing twice changes nothing.

    ``elsewhere`` is the signer of a key that the folder knows nothing of.
    The bundle's root must follow from the root that the person took home: a builder cannot show a repository of
    their own making.
    """
    root = metadata.parse(Root, _read(person / "root.json"))
    try:
        while root.signed.version < bundle.root.signed.version:
            root = metadata.follow(root, _read(bundle.directory / "chain" / f"{root.signed.version + 1}.json"))
        metadata.verify(root, roles.ROOT, bundle.root)
    except Invalid as error:
        raise Invalid(
            f"{person} trusts another root than this bundle's: take the keys of this repository's ceremony, "
            f"or do not sign what you were given ({error})"
        ) from error
    signer = elsewhere or keys.open_signer(person / f"{bundle.line}.pem", password)
    if signer.public_key.keyid not in _signing_keys(bundle):
        raise Invalid(
            f"{person} holds no key that may sign {bundle.line}; take the keys of this repository's ceremony"
        )
    metadata.sign(bundle.document, signer)
    files.write(bundle.directory / f"{bundle.line}.json", bundle.data, files.PUBLIC_MODE)
    return load(bundle.directory)


def merge(bundle: Bundle, source: Path) -> Bundle:
    """Add the signatures of a file that a person's machine made of a copy of this bundle."""
    given = signatures.read(source).get(bundle.line, [])
    if not given:
        raise Invalid(f"{source} signs nothing of {bundle.line}; it is of another bundle")
    signatures.add(bundle.document, given, _signing_keys(bundle), source)
    files.write(bundle.directory / f"{bundle.line}.json", bundle.data, files.PUBLIC_MODE)
    return load(bundle.directory)


def _signing_keys(bundle: Bundle) -> dict[str, Key]:
    """Return the keys that may sign the bundle's line."""
    delegations = bundle.targets.signed.delegations
    role = delegations.roles.get(bundle.line) if delegations and delegations.roles else None
    return {keyid: bundle.targets.signed.get_key(keyid) for keyid in role.keyids} if role else {}


def _published(
    line: Line, read: ReadMetadata, trusted_root: bytes
) -> tuple[list[Metadata[Root]], Metadata[Targets], Metadata[Targets]]:
    """Return the roots, targets and the line as published, walked and verified from the trusted root."""
    root = metadata.parse(Root, trusted_root)
    metadata.verify(root, roles.ROOT, root)
    chain = [root]
    while (data := read(f"{root.signed.version + 1}.root.json")) is not None:
        root = metadata.follow(root, data)
        chain.append(root)
    timestamp = metadata.parse(Timestamp, _need(read, "timestamp.json"))
    metadata.verify(root, roles.TIMESTAMP, timestamp)
    snapshot = metadata.parse(Snapshot, _need(read, f"{timestamp.signed.snapshot_meta.version}.snapshot.json"))
    metadata.verify(root, roles.SNAPSHOT, snapshot)
    versions = {name: entry.version for name, entry in snapshot.signed.meta.items()}
    targets = metadata.parse(Targets, _need(read, f"{versions.get('targets.json')}.targets.json"))
    metadata.verify(root, roles.TARGETS, targets)
    current = metadata.parse(Targets, _need(read, f"{versions.get(f'{line}.json')}.{line}.json"))
    metadata.verify(targets, line, current)
    return chain, targets, current


def _release(plan: Plan, last_step: int) -> Release:
    """Return the manifest; beside what the plan says it requires the line's last step."""
    artefacts = []
    for kind, source in plan.artefacts:
        name = source.name.lower()
        if not _FILE_NAME.match(name):
            raise Invalid(f"{source.name}: an artefact's name has letters, digits, '.', '_' and '-' only; rename it")
        if not source.is_file() or source.stat().st_size == 0:
            raise Invalid(f"{source} is missing or empty")
        _check_content(kind, source)
        path = artefact_path(plan.line, plan.name, name)
        artefacts.append(Artefact(kind=kind, path=path, length=source.stat().st_size, sha256=_file_hash(source)))
    release = Release(
        name=plan.name,
        line=plan.line,
        counter=plan.counter,
        title=plan.title,
        artefacts=artefacts,
        requires=_with_step(plan, last_step),
        step=plan.step,
        result_weights_sha256=plan.result_weights_sha256,
    )
    try:
        return decode(encode(release), Release)
    except ProtocolError as error:
        raise Invalid(f"this is not a release that frames accept: {error}") from error


def _with_step(plan: Plan, last_step: int) -> Requirements:
    needed = max(last_step, plan.requires.counters.get(plan.line, 0))
    return replace(plan.requires, counters={**plan.requires.counters, plan.line: needed}) if needed else plan.requires


def _check_content(kind: ArtefactKind, source: Path) -> None:
    """Refuse a song pack that no frame would take before anybody signs it."""
    if kind is ArtefactKind.CONTENT:
        try:
            decode_pack(source.read_bytes())
        except ProtocolError as error:
            raise Invalid(f"{source.name} is no song pack that frames accept: {error}") from error


def _last_step(current: Metadata[Targets]) -> int:
    """The counter of the last published release that must be passed through; 0: there is none."""
    custom = [file.custom or {} for file in current.signed.targets.values()]
    return max((known.get(COUNTER, 0) for known in custom if known.get(STEP)), default=0)


def _check_counter(plan: Plan, current: Metadata[Targets]) -> None:
    published = [(file.custom or {}).get(COUNTER, 0) for file in current.signed.targets.values()]
    highest = max(published, default=0)
    if plan.counter <= highest:
        raise Invalid(f"counter {plan.counter}: {plan.line} has published {highest}; take at least {highest + 1}")


def _check_nothing_else(previous: Metadata[Targets], document: Metadata[Targets], paths: set[str]) -> None:
    """Refuse metadata that changes, drops or smuggles in anything beside the release's own files."""
    before, after = previous.signed.targets, document.signed.targets
    different = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    if unexpected := sorted(different - paths):
        raise Invalid(f"beside the release the metadata changes {', '.join(unexpected[:5])}; do not sign it")
    if document.signed.version != previous.signed.version + 1:
        raise Invalid(f"version {document.signed.version} does not follow {previous.signed.version}; build anew")


def _check_file(path: Path, entry: TargetFile | None) -> None:
    if entry is None:
        raise Invalid(f"{path} is not in the metadata to be signed")
    if not path.is_file() or path.stat().st_size != entry.length or _file_hash(path) != entry.hashes.get("sha256"):
        raise Invalid(f"{path} is missing or is not the file that the metadata names; build the bundle anew")


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} is missing; it is made by the key ceremony") from error


def _need(read: ReadMetadata, name: str) -> bytes:
    data = read(name)
    if data is None:
        raise Invalid(f"the server has no {name}; expected the repository that the ceremony began")
    return data
