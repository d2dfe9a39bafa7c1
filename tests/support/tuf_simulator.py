"""A TUF repository in memory whose every document can be changed before it is read: good, careless or hostile.

Documents are signed at the moment they are read, with whatever signers their role has then; roots are signed when
they are published. ``asked`` is the list of names read, in order.
"""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from device_agent.errors import TrustError

NOW = datetime.now(UTC).replace(microsecond=0)
LATER = NOW + timedelta(days=30)
PAST = NOW - timedelta(days=5)
TOP_LEVEL = ("root", "timestamp", "snapshot", "targets")


class Simulator:
    """A small valid repository; tests make it something else."""

    def __init__(self) -> None:
        self.root = Root(expires=LATER, consistent_snapshot=True)
        self.timestamp = Timestamp(expires=LATER)
        self.snapshot = Snapshot(expires=LATER)
        self.targets = Targets(expires=LATER)
        self.delegated: dict[str, Targets] = {}
        self.signers: dict[str, list[Signer]] = {}
        self.roots: list[bytes] = []
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.with_hashes = False
        """Whether snapshot and timestamp name length and hash of what they list."""
        for role in TOP_LEVEL:
            self.rotate(role)
        self.publish_root(bump=False)

    def publish_root(self, *, bump: bool = True) -> None:
        """Sign the root as it is now and serve it under the next number."""
        self.root.version += int(bump)
        self.roots.append(_dump(self.root, self.signers["root"]))

    def publish(self, *roles: str) -> None:
        """Make the roles' next versions, and snapshot and timestamp that name them."""
        for role in roles:
            self._role(role).version += 1
        self.update_snapshot()

    def update_snapshot(self) -> None:
        """Make the next snapshot of everything as it is, and its timestamp."""
        for role in ("targets", *self.delegated):
            self.snapshot.meta[f"{role}.json"] = self._entry(role)
        self.snapshot.version += 1
        self.update_timestamp()

    def update_timestamp(self) -> None:
        """Make the next timestamp, naming the snapshot as it is."""
        self.timestamp.snapshot_meta = self._entry("snapshot")
        self.timestamp.version += 1

    def set_keys(self, role: str, keys: Iterable[Signer], threshold: int, signers: Iterable[Signer]) -> None:
        """Let the root name ``keys`` for ``role``, and ``signers`` sign it from now on."""
        self.root.roles[role].keyids.clear()
        self.root.roles[role].threshold = threshold
        for key in keys:
            self.root.add_key(key.public_key, role)
        self.signers[role] = list(signers)

    def rotate(self, role: str) -> None:
        """Give a top-level role one new key; the root that says so is not published yet."""
        signer = CryptoSigner.generate_ed25519()
        self.set_keys(role, [signer], 1, [signer])

    def delegate(
        self, delegator: str, role: str, paths: list[str] | None = None, *, terminating: bool = False, **more: Any
    ) -> None:
        """Let ``delegator`` trust ``role``, with a key of its own, for ``paths`` (default: every path)."""
        parent = self._role(delegator)
        if parent.delegations is None:
            parent.delegations = Delegations({}, roles={})
        given = paths if paths is not None or more else ["*"]
        parent.delegations.roles[role] = DelegatedRole(role, [], 1, terminating, given, **more)
        signer = CryptoSigner.generate_ed25519()
        parent.add_key(signer.public_key, role)
        self.signers.setdefault(role, []).append(signer)
        self.delegated.setdefault(role, Targets(expires=LATER))

    def delegate_bins(self, bits: int) -> SuccinctRoles:
        """Let targets trust 2**bits roles ``bin-...``, one key for all."""
        signer = CryptoSigner.generate_ed25519()
        bins = SuccinctRoles([], 1, bits, "bin")
        self.targets.delegations = Delegations({}, None, bins)
        self.targets.add_key(signer.public_key)
        for role in bins.get_roles():
            self.delegated[role], self.signers[role] = Targets(expires=LATER), [signer]
        return bins

    def add_file(self, role: str, path: str, data: bytes, algorithms: Iterable[str] = ("sha256",)) -> None:
        """Let ``role`` name a file by hashes of ``algorithms``, and serve it."""
        self._role(role).targets[path] = TargetFile.from_data(path, data, list(algorithms))
        self.files[path] = data

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a metadata file as a server would; None when there is none."""
        self.asked.append(name)
        data = self._document(name)
        if data is not None and len(data) > limit:
            raise TrustError(f"{name} is longer than {limit}")
        return data

    def file(self, name: str) -> bytes | None:
        """Return the file served under ``name``."""
        self.asked.append(name)
        directory, slash, last = name.rpartition("/")
        if self.root.consistent_snapshot:
            last = last.partition(".")[2]
        return self.files.get(f"{directory}{slash}{last}")

    def current(self, role: str) -> bytes:
        """Return what is served for ``role`` now."""
        return self.roots[-1] if role == "root" else _dump(self._role(role), self.signers[role])

    def _document(self, name: str) -> bytes | None:
        stem = name.removesuffix(".json")
        version, _, role = stem.partition(".")
        if role == "root":
            number = int(version)
            return self.roots[number - 1] if number <= len(self.roots) else None
        if not self.root.consistent_snapshot or stem == "timestamp":
            version, role = "", stem
        role = unquote(role)
        known = role in (*TOP_LEVEL, *self.delegated)
        return self.current(role) if known else None

    def _entry(self, role: str) -> MetaFile:
        signed = self._role(role)
        if not self.with_hashes:
            return MetaFile(signed.version)
        return MetaFile.from_data(signed.version, self.current(role), ["sha256"])

    def _role(self, role: str) -> Any:
        return getattr(self, role) if role in TOP_LEVEL else self.delegated[role]


class SimulatorServer:
    """A simulator behind HTTP: ``metadata_url`` and ``targets_url``."""

    def __init__(self, simulator: Simulator) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(simulator))
        url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.metadata_url, self.targets_url = f"{url}/metadata", f"{url}/targets/"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(simulator: Simulator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, _, name = self.path[1:].partition("/")
            data = simulator.read(name, 1 << 30) if kind == "metadata" else simulator.file(unquote(name))
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def _dump(signed: Signed, signers: Iterable[Signer]) -> bytes:
    document = Metadata(signed)
    for signer in signers:
        document.sign(signer, append=True)
    return document.to_bytes(JSONSerializer())
