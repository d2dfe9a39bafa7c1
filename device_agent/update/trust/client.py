"""The TUF client workflow over python-tuf's trusted set: the set decides, this file fetches and stores.

Numbers are the steps of the TUF specification's client workflow (5.3 root, 5.4 timestamp, 5.5 snapshot, 5.6 targets).
python-tuf's own Updater is not used: it does not sync its files and cannot resume a download.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast

from tuf.api.exceptions import EqualVersionNumberError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import TargetFile, Targets, Timestamp
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from device_agent.errors import TrustError
from device_agent.system.clock import BUILD_FLOOR
from device_agent.update.trust import clock
from device_agent.update.trust.store import MetadataStore

MAX_ROOT_ROTATIONS = 256
MAX_DELEGATIONS = 32
MAX_ROOT_BYTES = 512_000
MAX_TIMESTAMP_BYTES = 16_384
MAX_SNAPSHOT_BYTES = 2_000_000
MAX_TARGETS_BYTES = 5_000_000
BUILD_DATE = datetime.fromtimestamp(BUILD_FLOOR, UTC)


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

    @property
    def stored_name(self) -> str:
        """The path under which a consistent snapshot serves it: the hash before the file name."""
        directory, slash, name = self.path.rpartition("/")
        return f"{directory}{slash}{self.sha256}.{name}"


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
    ) -> None:
        """``not_before`` is a moment that has certainly passed, for clocks that are not set."""
        self._store = store
        self._source = source
        self._factory_root = factory_root
        self._now = now
        self._not_before = not_before
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
        """Return what the offline keys say about ``path``, walking the delegations; None when they say nothing."""
        if self._trusted is None:
            self.refresh()
        try:
            found = self._walk(cast("TrustedMetadataSet", self._trusted), path)
        except RepositoryError as error:
            raise TrustError(f"the metadata for {path} was refused: {error}; nothing is installed") from error
        if found is None:
            return None
        digest = found.hashes.get("sha256")
        if digest is None:
            raise TrustError(f"the signed target {path} has no sha256; ask for a release signed with one")
        return Target(path=path, length=found.length, sha256=digest)

    def _set_clock(self, trusted: TrustedMetadataSet, timestamp: Timestamp | None) -> None:
        last = None
        if timestamp is not None:
            last = clock.signing_time(timestamp.unrecognized_fields.get(clock.SIGNED_AT_FIELD), timestamp.expires)
        trusted.reference_time = clock.reference_time(self._now(), self._not_before, last)

    def _update_root(self, trusted: TrustedMetadataSet) -> None:
        """5.3: walk from the factory's root to the newest, each signed by the one before; stored ones first."""
        current = self._factory_root
        self._store.save_root(trusted.root.version, current)
        for version in itertools.islice(itertools.count(trusted.root.version + 1), MAX_ROOT_ROTATIONS):
            stored = self._store.load_root(version)
            if stored is not None and _accepts(trusted.update_root, stored):
                current = stored
                continue
            data = self._source.read(f"{version}.root.json", MAX_ROOT_BYTES)
            if data is None:
                break
            trusted.update_root(data)
            self._store.save_root(version, data)
            current = data
        self._store.set_current_root(current)

    def _update_timestamp(self, trusted: TrustedMetadataSet) -> None:
        """5.4: the stored timestamp guards against going back, and is the floor of the clock."""
        stored = self._store.load(Timestamp.type)
        if stored is not None and _accepts(trusted.update_timestamp, stored) and Timestamp.type in trusted:
            self._set_clock(trusted, trusted.timestamp)
        data = self._require("timestamp.json", MAX_TIMESTAMP_BYTES)
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
        version = trusted.timestamp.snapshot_meta.version
        limit = trusted.timestamp.snapshot_meta.length or MAX_SNAPSHOT_BYTES
        data = self._require(f"{version}.snapshot.json", limit)
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
        data = self._require(f"{entry.version}.{role}.json", entry.length or MAX_TARGETS_BYTES)
        targets = trusted.update_delegated_targets(data, role, delegator)
        self._store.save(role, data)
        return targets

    def _walk(self, trusted: TrustedMetadataSet, path: str) -> TargetFile | None:
        """Preorder, depth first; a terminating delegation ends the search (TUF 5.6.7)."""
        to_visit = [(Targets.type, "root")]
        visited: set[tuple[str, str]] = set()
        while to_visit and len(visited) < MAX_DELEGATIONS:
            role, delegator = to_visit.pop()
            if (role, delegator) in visited:
                continue
            targets = self._update_targets(trusted, role, delegator)
            visited.add((role, delegator))
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


def _accepts(update: Callable[[bytes], object], data: bytes) -> bool:
    """Whether the trusted set took stored metadata; an expired timestamp is taken and serves against going back."""
    try:
        update(data)
    except ExpiredMetadataError:
        return True
    except RepositoryError:
        return False
    return True
