"""What is damaged, and who must notice. Each target feeds damaged bytes to the code that reads them on a frame.

Before any reader sees an artefact, the frame compares its SHA-256 with the signed one, which no damage passes. The
readers are fuzzed without that comparison: they must refuse, or make of the damaged bytes exactly what they make of
the whole ones (the zeros missing at a tar's end, a signature in capitals).
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from device_agent.content import listing
from device_agent.content.library import Library
from device_agent.engine import archive, package
from device_agent.errors import AgentError
from device_agent.update import assignment
from device_agent.update.firmware import container
from device_agent.update.installers import ModelTools, apply_delta
from device_agent.update.trust.client import Target, TrustClient
from device_agent.update.trust.store import MetadataStore
from fleet_server.signing.director import Director
from frame_protocol import codec
from frame_protocol.content import decode_pack
from frame_protocol.errors import ProtocolError
from frame_protocol.model_package import DELTA, MANIFEST, DeltaManifest, ModelManifest
from frame_protocol.updates import ArtefactKind, Line, Release, manifest_path
from tests.crash.filesystem import load
from tests.support import firmware
from tests.support.directing import FRAME, RootFiles, assigned, direct
from tests.support.repository import TestRepository, hold_ceremony
from tests.support.songs import make_pack
from tests.support.tiny_models import make_delta, make_model
from tests.support.updating import HEALTH

FILLER_BYTES = 2_000
REFUSALS = (AgentError, ProtocolError)


@dataclass(frozen=True)
class Fuzzed:
    """Bytes, and a reader that raises one of REFUSALS or returns what it made of them."""

    name: str
    whole: bytes
    read: Callable[[bytes], object]
    share: int
    """How often it is chosen, beside the others."""


class MemoryStore(MetadataStore):
    """Trusted metadata that is forgotten."""

    def __init__(self) -> None:
        super().__init__(Path("unused"))
        self._kept: dict[str, bytes] = {}

    def load(self, role: str) -> bytes | None:
        return self._kept.get(role)

    def save(self, role: str, data: bytes) -> None:
        self._kept[role] = data

    def load_root(self, version: int) -> bytes | None:
        return self._kept.get(f"root {version}")

    def save_root(self, version: int, data: bytes) -> None:
        self._kept[f"root {version}"] = data


class Files:
    """A repository's metadata, one file of it replaced."""

    def __init__(self, files: dict[str, bytes], name: str, data: bytes) -> None:
        self._files = {**files, name: data}

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a file; the fetcher has compared its length with the limit."""
        data = self._files.get(name)
        return data[: limit + 1] if data is not None else None


def targets(directory: Path) -> list[Fuzzed]:
    """Make the artefacts and metadata of a small repository below ``directory``."""
    base = make_model(directory / "base", filler_bytes=FILLER_BYTES)
    delta = make_delta(directory / "delta", base)
    scratch = directory / "scratch"
    tools = ModelTools(
        unpack=package.unpack,
        unpack_delta=lambda source, into: archive.extract(source, into, DeltaManifest),
        verify=package.verify,
        self_test=lambda installed: HEALTH,
    )
    unpacked_delta = directory / "unpacked-delta"
    manifest = archive.extract(delta.tar, unpacked_delta, DeltaManifest)

    def in_scratch(read: Callable[[Path, Path], object]) -> Callable[[bytes], object]:
        def reader(data: bytes) -> object:
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            (scratch / "artefact").write_bytes(data)
            return read(scratch / "artefact", scratch / "out")

        return reader

    def model(artefact: Path, out: Path) -> object:
        tools.unpack(artefact, out)
        return same_manifest(base.directory, out)

    def delta_tar(artefact: Path, out: Path) -> object:
        tools.unpack_delta(artefact, out)
        return same_manifest(unpacked_delta, out)

    def same_manifest(whole: Path, found: Path) -> object:
        """The manifest says what the files are; what it is itself, only the artefact's signed hash says."""
        if (found / MANIFEST).read_bytes() != (whole / MANIFEST).read_bytes():
            raise AgentError("another hash than the signed one")
        return load(found)

    def merged(factors: Path, out: Path) -> object:
        out.mkdir()
        apply_delta(tools, manifest, factors, base.directory, out)
        return tools.verify(out).weights_sha256

    made = [
        Fuzzed("model tar", base.tar.read_bytes(), in_scratch(model), 4),
        Fuzzed("delta tar", delta.tar.read_bytes(), in_scratch(delta_tar), 4),
        Fuzzed("delta factors", (unpacked_delta / DELTA).read_bytes(), in_scratch(merged), 4),
        _stopped_by_hash(
            "model manifest",
            (base.directory / MANIFEST).read_bytes(),
            lambda data: archive.parse_manifest(data, ModelManifest),
        ),
        _stopped_by_hash(
            "delta manifest",
            (unpacked_delta / MANIFEST).read_bytes(),
            lambda data: archive.parse_manifest(data, DeltaManifest),
        ),
    ]
    return [*made, _firmware(directory), _song_pack(), *_metadata(directory, base.tar)]


def _firmware(directory: Path) -> Fuzzed:
    """What the agent itself reads of a container; the rest is SWUpdate's."""
    whole = firmware.container(directory / "firmware.swu", bytes(range(256)) * 8, 3)
    offset, length = container.image(whole)
    slot, damaged = directory / "slot", directory / "damaged.swu"
    slot.write_bytes(whole.read_bytes()[offset : offset + length])

    def read(data: bytes) -> object:
        damaged.write_bytes(data)
        return container.image(damaged), container.counter(damaged), container.differs(damaged, slot)

    return _stopped_by_hash("firmware container", whole.read_bytes(), read)


def _song_pack() -> Fuzzed:
    """What is read as a pack can be scheduled and listed, whatever is in it."""
    now, zone = 1_800_000_000.0, ZoneInfo("Europe/Berlin")

    def read(data: bytes) -> object:
        found = listing.make(Library((decode_pack(data),), ()), now, zone, [])
        return listing.sentences(found)

    return _stopped_by_hash("song pack", codec.encode(make_pack()), read)


def _stopped_by_hash(name: str, whole: bytes, parse: Callable[[bytes], object]) -> Fuzzed:
    """A manifest that can be read though it was damaged is stopped by its hash; the reader must not break on it."""
    signed = hashlib.sha256(whole).digest()

    def read(data: bytes) -> object:
        parse(data)
        if hashlib.sha256(data).digest() != signed:
            raise AgentError("another hash than the signed one")
        return data

    return Fuzzed(name, whole, read, 1)


def _metadata(directory: Path, artefact: Path) -> list[Fuzzed]:
    """Every metadata file that a frame reads on its way to a release, and the release's manifest."""
    repository = TestRepository(directory / "server", hold_ceremony(directory / "ceremony"))
    repository.publish("base", 1, [(ArtefactKind.MODEL, artefact)])
    files = {path.name: path.read_bytes() for path in repository.repository.metadata.iterdir() if path.is_file()}
    path = manifest_path(Line.MODELS, "base")

    def refreshed(name: str) -> Callable[[bytes], object]:
        def read(data: bytes) -> Target | None:
            root = data if name.endswith("root.json") else repository.root
            client = TrustClient(MemoryStore(), Files(files, name, data), root)
            client.refresh()
            return client.target(path)

        return read

    asked = _files_asked_for(files, repository.root, path)
    director = _director(directory, repository)
    release = next(repository.repository.targets.glob("releases/models/*.base.json")).read_bytes()
    return [
        _stopped_by_hash("release manifest", release, lambda data: codec.decode(data, Release)),
        *(Fuzzed(name, files[name], refreshed(name), 1) for name in asked),
        director,
    ]


def _director(directory: Path, repository: TestRepository) -> Fuzzed:
    """The director's answer, which holds its timestamp, snapshot and targets."""
    director = Director(repository.config.tuf_dir)
    director.install(directory / "ceremony" / "server")
    root = (directory / "ceremony" / "frames" / "director-root.json").read_bytes()
    answer = direct(director, assigned(1, "base", counter=1))

    def read(data: bytes) -> object:
        return assignment.ask(
            lambda path: data,
            RootFiles(director.roots),
            lambda source: TrustClient(MemoryStore(), source, root),
            FRAME,
        )

    return Fuzzed("director's answer", answer, read, 4)


def _files_asked_for(files: dict[str, bytes], root: bytes, path: str) -> list[str]:
    """Names of the metadata files that decide about ``path``, the root among them."""
    asked: list[str] = []

    class Asked(Files):
        def read(self, name: str, limit: int) -> bytes | None:
            asked.append(name)
            return super().read(name, limit)

    client = TrustClient(MemoryStore(), Asked(files, "none", b""), root)
    client.refresh()
    assert client.target(path) is not None
    return ["1.root.json", *(name for name in asked if name in files)]
