"""The image repository on the server's disk: static files, and the two roles that the server signs itself.

    metadata/N.ROLE.json, metadata/timestamp.json   served
    targets/DIR/HASH.NAME                           served
    keys/{snapshot,timestamp}.pem                   the online keys; never served
    uploads/HASH                                    artefacts that no signed metadata names yet; never served

A publication writes files under new names first and replaces ``timestamp.json`` last, so that a reader sees the old
repository or the new one, and a crash in between leaves the old one whole. Doing it again ends the same.
"""

import fcntl
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from fleet_server.errors import ConfigurationError, Conflict, Invalid
from fleet_server.pki import files
from fleet_server.signing import keys, metadata, roles
from frame_protocol.updates import Line


@dataclass(frozen=True)
class State:
    """What the repository says now; ``documents`` has the bytes of targets and of each line."""

    root: Metadata[Root]
    timestamp: Metadata[Timestamp]
    snapshot: Metadata[Snapshot]
    documents: dict[str, bytes]


class Repository:
    """The files below one directory; every change holds its lock."""

    def __init__(self, directory: Path) -> None:
        self.metadata = directory / "metadata"
        self.targets = directory / "targets"
        self.keys = directory / "keys"
        self._uploads = directory / "uploads"
        self._lock = directory / "lock"

    @property
    def is_installed(self) -> bool:
        """Whether the ceremony's output was installed here."""
        return (self.metadata / "timestamp.json").is_file()

    def install(self, source: Path, at: datetime) -> None:
        """Take over what the ceremony made for the server, and sign the first snapshot and timestamp."""
        with self.locked():
            if self.is_installed:
                raise ConfigurationError(f"{self.metadata} holds a repository already; it is not overwritten")
            root = metadata.parse(Root, _read(source / "metadata" / "1.root.json"))
            metadata.verify(root, roles.ROOT, root)
            documents = {
                role: _read(source / "metadata" / f"1.{role}.json") for role in (roles.TARGETS, *roles.LINES)
            }
            targets = metadata.parse(Targets, documents[roles.TARGETS])
            metadata.verify(root, roles.TARGETS, targets)
            for line in roles.LINES:
                metadata.verify(targets, line, metadata.parse(Targets, documents[line]))
            for role in roles.ONLINE:
                files.write(self.keys / f"{role}.pem", _read(source / "keys" / f"{role}.pem"))
            self.write("1.root.json", metadata.dump(root))
            for role, data in documents.items():
                self.write(f"1.{role}.json", data)
            self.targets.mkdir(parents=True, exist_ok=True)
            self.sign_online(root, documents, 1, 1, at)

    def state(self) -> State:
        """Return what the repository says now."""
        if not self.is_installed:
            raise ConfigurationError(
                f"no repository in {self.metadata}; hold a ceremony and run `fleet-server keys install`"
            )
        timestamp = metadata.parse(Timestamp, self._document("timestamp.json"))
        version = timestamp.signed.snapshot_meta.version
        snapshot = metadata.parse(Snapshot, self._document(f"{version}.snapshot.json"))
        documents = {
            name.removesuffix(".json"): self._document(f"{file.version}.{name}")
            for name, file in snapshot.signed.meta.items()
        }
        return State(self.root(), timestamp, snapshot, documents)

    def upload_path(self, sha256: str) -> Path:
        """Return where an artefact of that hash waits for its publication."""
        return self._uploads / sha256

    def examine(self, line: Line, data: bytes, at: datetime) -> list[TargetFile]:
        """Verify signed metadata of a line against root and targets here; return the targets it adds.

        1. signed by the threshold of keys that targets names for the line; 2. the next version, or the current one
        again, byte for byte; 3. not expired; 4. every path inside the delegation; 5. nothing published changes.
        """
        state = self.state()
        targets = metadata.parse(Targets, state.documents[roles.TARGETS])
        document = metadata.parse(Targets, data)
        metadata.verify(targets, line, document)
        current = metadata.parse(Targets, state.documents[line])
        _check_version(line, current, document, data == state.documents[line])
        if document.signed.is_expired(at):
            raise Invalid(f"the metadata of {line} expired on {document.signed.expires}; sign it anew")
        delegations = targets.signed.delegations
        role = delegations.roles[line] if delegations and delegations.roles else None
        for path, file in document.signed.targets.items():
            if role is None or not role.is_delegated_path(path) or ".." in path.split("/"):
                raise Invalid(f"{path} is outside what the role {line} may sign")
            known = current.signed.targets.get(path)
            if known is not None and (known.length, known.hashes) != (file.length, file.hashes):
                raise Conflict(f"{path} is published with another content; a published file never changes")
        base = {} if document.signed.version == current.signed.version else current.signed.targets
        return [file for path, file in sorted(document.signed.targets.items()) if path not in base]

    def publish(self, line: Line, data: bytes, at: datetime) -> None:
        """Make signed metadata and its artefacts, all of which wait in ``uploads``, the repository's content."""
        with self.locked():
            added = self.examine(line, data, at)
            state = self.state()
            if state.documents[line] == data:
                return
            for file in added:
                self._place(file)
            version = metadata.parse(Targets, data).signed.version
            self.write(f"{version}.{line}.json", data)
            documents = {**state.documents, line.value: data}
            timestamp, snapshot = state.timestamp.signed.version + 1, state.snapshot.signed.version + 1
            self.sign_online(state.root, documents, snapshot, timestamp, at)
        for file in added:
            self.upload_path(_sha256(file)).unlink(missing_ok=True)

    def refresh(self, at: datetime) -> bool:
        """Renew snapshot and timestamp at half their life; return whether anything was signed."""
        if not self.due(at):
            return False
        with self.locked():
            if not self.due(at):
                return False
            state = self.state()
            renew = _half_gone(state.snapshot.signed.expires, roles.SNAPSHOT, at)
            snapshot = state.snapshot.signed.version + (1 if renew else 0)
            self.sign_online(state.root, state.documents, snapshot, state.timestamp.signed.version + 1, at)
        return True

    def due(self, at: datetime) -> bool:
        """Whether snapshot or timestamp have lived half their life."""
        state = self.state()
        return _half_gone(state.timestamp.signed.expires, roles.TIMESTAMP, at) or _half_gone(
            state.snapshot.signed.expires, roles.SNAPSHOT, at
        )

    def sign_online(
        self, root: Metadata[Root], documents: dict[str, bytes], snapshot: int, timestamp: int, at: datetime
    ) -> None:
        """Write snapshot (unless that version is there) and then, last of all, timestamp."""
        path = self.metadata / f"{snapshot}.snapshot.json"
        stored = metadata.parse(Snapshot, path.read_bytes()) if path.is_file() else None
        wanted = metadata.next_snapshot(snapshot, documents, at)
        if stored is None or stored.signed.meta != wanted.signed.meta:
            metadata.sign(wanted, keys.open_signer(self.keys / "snapshot.pem", None))
            metadata.verify(root, roles.SNAPSHOT, wanted)
            self.write(path.name, metadata.dump(wanted))
        document = metadata.next_timestamp(timestamp, snapshot, path.read_bytes(), at)
        metadata.sign(document, keys.open_signer(self.keys / "timestamp.pem", None))
        metadata.verify(root, roles.TIMESTAMP, document)
        self.write("timestamp.json", metadata.dump(document))

    def _place(self, file: TargetFile) -> None:
        """Give an uploaded artefact its name among the targets, durably; it may be there from an earlier attempt."""
        destination = self.targets / stored_name(file)
        if destination.is_file() and destination.stat().st_size == file.length:
            return
        source = self.upload_path(_sha256(file))
        if not source.is_file():
            raise Invalid(f"{file.path}: its {file.length} bytes were not uploaded; upload the artefact first")
        destination.parent.mkdir(parents=True, exist_ok=True)
        beside = destination.with_name(f".{destination.name}.new")
        with source.open("rb") as reader, beside.open("wb") as writer:
            shutil.copyfileobj(reader, writer)
            writer.flush()
            os.fsync(writer.fileno())
        beside.replace(destination)
        for directory in (destination.parent, *itertools.takewhile(self.targets.__ne__, destination.parent.parents)):
            _sync_directory(directory)
        _sync_directory(self.targets)

    def root(self) -> Metadata[Root]:
        """Return the newest root."""
        newest = max(self.metadata.glob("*.root.json"), key=lambda path: int(path.name.split(".")[0]))
        return metadata.parse(Root, newest.read_bytes())

    def _document(self, name: str) -> bytes:
        return _read(self.metadata / name)

    def write(self, name: str, data: bytes) -> None:
        """Serve ``data`` under the name of a metadata file; the caller holds the lock and has verified it."""
        files.write(self.metadata / name, data, files.PUBLIC_MODE)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other writer out."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def stored_name(file: TargetFile) -> str:
    """Return the path below ``targets/`` under which a consistent snapshot serves the file."""
    directory, slash, name = file.path.rpartition("/")
    return f"{directory}{slash}{_sha256(file)}.{name}"


def _sha256(file: TargetFile) -> str:
    found = file.hashes.get("sha256")
    if found is None:
        raise Invalid(f"{file.path} is signed without a sha256; sign it with one")
    return found


def _half_gone(expires: datetime, role: str, at: datetime) -> bool:
    return expires - at < roles.LIFETIME[role] / 2


def _check_version(line: Line, current: Metadata[Targets], new: Metadata[Targets], same: bool) -> None:
    if same or new.signed.version == current.signed.version + 1:
        return
    raise Conflict(
        f"version {new.signed.version} of {line} came, {current.signed.version + 1} is next: "
        "another release was published meanwhile; build and sign on top of it"
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} is missing; expected the repository that a ceremony made") from error


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
