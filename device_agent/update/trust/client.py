"""The TUF client workflow over python-tuf's trusted set: the set decides, this file fetches and stores.

Numbers are the steps of the TUF specification's client workflow (5.3 root, 5.4 timestamp, 5.5 snapshot, 5.6 targets).
python-tuf's own Updater is not used: it does not sync its files and cannot resume a download.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast
from urllib.parse import quote

from tuf.api.exceptions import EqualVersionNumberError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import TargetFile, Targets, Timestamp
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from device_agent.errors import TrustError
from device_agent.system.clock import BUILD_FLOOR
from device_agent.update.trust import clock
from device_agent.update.trust.store import MetadataStore

BUILD_DATE = datetime.fromtimestamp(BUILD_FLOOR, UTC)
ALGORITHMS = ("sha256", "sha512")
"""Hashes that a target may be signed with, the first of them decides; frames install by sha256 alone."""


@dataclass(frozen=True)
class Bounds:
    """How much one refresh reads before it gives up; files whose length is signed are bounded by that instead."""

    root_rotations: int = 256
    delegations: int = 32
    root_bytes: int = 512_000
    timestamp_bytes: int = 16_384
    snapshot_bytes: int = 2_000_000
    targets_bytes: int = 5_000_000


class MetadataSource(Protocol):
    """Where untrusted metadata comes from."""

    def read(self, name: str, limit: int) -> bytes | None:
        """Return the file ``name`` of the repository's metadata, at most ``limit`` bytes; None when there is none."""
        ...


@dataclass(frozen=True)
class Target:
    """A file that the offline keys vouch for."""

    path: str
    length: int
    sha256: str
    consistent: bool = True
    """Whether the repository keeps consistent snapshots, as ours always does."""

    @property
    def stored_name(self) -> str:
        """The path under which it is served: in a consistent snapshot with the hash before the file name."""
        return _stored_name(self.path, self.sha256, consistent=self.consistent)


@dataclass(frozen=True)
class HashedFile:
    """A file that the offline keys vouch for by whichever hash they chose: what a comparison of clients asks for."""

    stored_name: str
    """The path under which it is served."""
    length: int
    algorithm: str
    """One of ``ALGORITHMS``."""
    digest: str
    """The hash in hex."""


def _now() -> datetime:
    return datetime.now(UTC)


class TrustClient:
    """One refresh of the trusted metadata, then questions about targets."""

    def __init__(
        self,
        store: MetadataStore,
        source: MetadataSource,
        factory_root: bytes,
        *,
        now: Callable[[], datetime] = _now,
        not_before: datetime = BUILD_DATE,
        bounds: Bounds | None = None,
    ) -> None:
        """``not_before`` is a moment that has certainly passed, for clocks that are not set."""
        self._store = store
        self._source = source
        self._factory_root = factory_root
        self._now = now
        self._not_before = not_before
        self._bounds = bounds or Bounds()
        self._trusted: TrustedMetadataSet | None = None

    def refresh(self) -> None:
        """Bring root, timestamp, snapshot and targets up to date, each verified before it is stored.

        Raises TrustError when anything is not signed as the root asks, older than what was trusted, or expired.
        """
        try:
            trusted = TrustedMetadataSet(self._factory_root, EnvelopeType.METADATA)
            self._set_clock(trusted, None)
            self._update_root(trusted)
            self._update_timestamp(trusted)
            self._update_snapshot(trusted)
            self._update_targets(trusted, Targets.type, "root")
        except RepositoryError as error:
            raise TrustError(
                f"the update metadata was refused: {error}; expected metadata signed by the trusted root's keys, "
                "not older than what was trusted before and not expired; nothing is installed"
            ) from error
        self._trusted = trusted

    def target(self, path: str) -> Target | None:
        """Return what the offline keys say about ``path``, walking the delegations; None when they say nothing.

        Raises TrustError when it is signed without a sha256, the one hash that frames install by.
        """
        trusted, found = self._find(path)
        return None if found is None else _target(found, trusted)

    def hashed_file(self, path: str) -> HashedFile | None:
        """Return the same as ``target``, by the first of ``ALGORITHMS`` that is signed; TrustError when none is."""
        trusted, found = self._find(path)
        return None if found is None else _hashed_file(found, trusted)

    def listed(self) -> list[tuple[Target, Mapping[str, object]]]:
        """Return what the top-level targets list themselves: each target, and its ``custom`` part."""
        if self._trusted is None:
            self.refresh()
        trusted = cast("TrustedMetadataSet", self._trusted)
        return [(_target(found, trusted), found.custom or {}) for found in trusted.targets.targets.values()]

    def signed_field(self, name: str) -> object:
        """Return a field of our own in the top-level targets, as people signed it; None when it is not there."""
        if self._trusted is None:
            self.refresh()
        trusted = cast("TrustedMetadataSet", self._trusted)
        return trusted.targets.unrecognized_fields.get(name)

    def _find(self, path: str) -> tuple[TrustedMetadataSet, TargetFile | None]:
        if self._trusted is None:
            self.refresh()
        trusted = cast("TrustedMetadataSet", self._trusted)
        try:
            return trusted, self._walk(trusted, path)
        except RepositoryError as error:
            raise TrustError(f"the metadata for {path} was refused: {error}; nothing is installed") from error

    def _set_clock(self, trusted: TrustedMetadataSet, timestamp: Timestamp | None) -> None:
        last = None
        if timestamp is not None:
            last = clock.signing_time(timestamp.unrecognized_fields.get(clock.SIGNED_AT_FIELD), timestamp.expires)
        trusted.reference_time = clock.reference_time(self._now(), self._not_before, last)

    def _update_root(self, trusted: TrustedMetadataSet) -> None:
        """5.3: walk from the factory's root to the newest, each signed by the one before; stored ones first."""
        current = self._factory_root
        self._store.save_root(trusted.root.version, current)
        try:
            for version in itertools.islice(itertools.count(trusted.root.version + 1), self._bounds.root_rotations):
                stored = self._store.load_root(version)
                if stored is not None and _accepts(trusted.update_root, stored):
                    current = stored
                    continue
                data = self._source.read(f"{version}.root.json", self._bounds.root_bytes)
                if data is None:
                    break
                trusted.update_root(data)
                self._store.save_root(version, data)
                current = data
        finally:
            self._store.set_current_root(current)

    def _update_timestamp(self, trusted: TrustedMetadataSet) -> None:
        """5.4: the stored timestamp guards against going back, and is the floor of the clock."""
        stored = self._store.load(Timestamp.type)
        if stored is not None and _accepts(trusted.update_timestamp, stored) and Timestamp.type in trusted:
            self._set_clock(trusted, trusted.timestamp)
        data = self._require("timestamp.json", self._bounds.timestamp_bytes)
        try:
            trusted.update_timestamp(data)
        except EqualVersionNumberError:
            return
        self._set_clock(trusted, trusted.timestamp)
        self._store.save(Timestamp.type, data)

    def _update_snapshot(self, trusted: TrustedMetadataSet) -> None:
        """5.5: the stored snapshot guards the version of every other role."""
        stored = self._store.load("snapshot")
        if stored is not None:
            try:
                trusted.update_snapshot(stored, trusted=True)
                return
            except RepositoryError:
                pass  # an older snapshot stays loaded for rollback protection; a damaged one is replaced
        entry = trusted.timestamp.snapshot_meta
        name = _file_name(trusted, "snapshot", entry.version)
        data = self._require(name, entry.length or self._bounds.snapshot_bytes)
        trusted.update_snapshot(data)
        self._store.save("snapshot", data)

    def _update_targets(self, trusted: TrustedMetadataSet, role: str, delegator: str) -> Targets:
        """5.6: the stored metadata of ``role`` if the snapshot still names it, else the repository's."""
        if trusted.contains(role, delegator):
            return cast("Targets", trusted[role])
        stored = self._store.load(role)
        if stored is not None:
            try:
                return trusted.update_delegated_targets(stored, role, delegator)
            except RepositoryError:
                pass  # the snapshot names a newer one
        entry = trusted.snapshot.meta.get(f"{role}.json")
        if entry is None:
            raise RepositoryError(f"the snapshot names no {role}.json")
        name = _file_name(trusted, role, entry.version)
        data = self._require(name, entry.length or self._bounds.targets_bytes)
        targets = trusted.update_delegated_targets(data, role, delegator)
        self._store.save(role, data)
        return targets

    def _walk(self, trusted: TrustedMetadataSet, path: str) -> TargetFile | None:
        """Preorder, depth first; a terminating delegation ends the search (TUF 5.6.7)."""
        to_visit = [(Targets.type, "root")]
        visited: set[str] = set()
        while to_visit and len(visited) <= self._bounds.delegations:
            role, delegator = to_visit.pop()
            if role in visited:
                continue
            targets = self._update_targets(trusted, role, delegator)
            visited.add(role)
            if path in targets.targets:
                return targets.targets[path]
            if targets.delegations is None:
                continue
            children: list[tuple[str, str]] = []
            for child, terminating in targets.delegations.get_roles_for_target(path):
                children.append((child, role))
                if terminating:
                    to_visit.clear()
                    break
            to_visit.extend(reversed(children))
        return None

    def _require(self, name: str, limit: int) -> bytes:
        data = self._source.read(name, limit)
        if data is None:
            raise RepositoryError(f"the repository has no {name}")
        return data


def _target(found: TargetFile, trusted: TrustedMetadataSet) -> Target:
    digest = found.hashes.get("sha256")
    if digest is None:
        raise TrustError(f"the signed target {found.path} has no sha256; ask for a release signed with one")
    return Target(found.path, found.length, digest, consistent=_is_consistent(trusted))


def _hashed_file(found: TargetFile, trusted: TrustedMetadataSet) -> HashedFile:
    for algorithm in ALGORITHMS:
        digest = found.hashes.get(algorithm)
        if digest is not None:
            name = _stored_name(found.path, digest, consistent=_is_consistent(trusted))
            return HashedFile(name, found.length, algorithm, digest)
    raise TrustError(
        f"the signed target {found.path} has hashes of {', '.join(sorted(found.hashes))}; expected one of "
        f"{', '.join(ALGORITHMS)}; ask for a release signed with one"
    )


def _stored_name(path: str, digest: str, *, consistent: bool) -> str:
    if not consistent:
        return path
    directory, slash, name = path.rpartition("/")
    return f"{directory}{slash}{digest}.{name}"


def _is_consistent(trusted: TrustedMetadataSet) -> bool:
    return bool(trusted.root.consistent_snapshot)


def _file_name(trusted: TrustedMetadataSet, role: str, version: int) -> str:
    """Return the name that a role's metadata is served under; the role's own name may hold any character."""
    name = f"{quote(role, safe='')}.json"
    return f"{version}.{name}" if _is_consistent(trusted) else name


def _accepts(update: Callable[[bytes], object], data: bytes) -> bool:
    """Whether the trusted set took stored metadata; an expired timestamp is taken and serves against going back."""
    try:
        update(data)
    except ExpiredMetadataError:
        return True
    except RepositoryError:
        return False
    return True
