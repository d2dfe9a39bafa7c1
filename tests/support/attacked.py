"""A fleet under attack: what thieves can do with a server, a network or keys, and what the frame makes of it."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from msgspec import structs

from device_agent.errors import AgentError
from device_agent.update.checks import Directed
from device_agent.update.fetch import Fetcher
from device_agent.update.retry import RetryPolicy
from device_agent.update.trust.client import TrustClient
from device_agent.update.trust.store import MetadataStore
from fleet_server.signing import ceremony, keys, metadata, roles
from fleet_server.signing.bundle import Bundle
from fleet_server.signing.director import Director
from frame_protocol.updates import ArtefactKind, Line, manifest_path
from tests.support.directing import Asking, assigned, direct
from tests.support.repository import PASSWORD, Served, TestRepository
from tests.support.updating import UpdatingFrame

CHUNK = 1 << 16


class AttackedFrame(UpdatingFrame):
    """Hears ``answer`` from whoever speaks for the director, and judges it as a frame does."""

    def __init__(self, home: Path, url: str, root: bytes, asking: Asking) -> None:
        super().__init__(home, url, root)
        self.answer: bytes | Exception = b""
        self.asking = asking

    def ask(self) -> Directed | None:
        """Judge the answer."""
        if isinstance(self.answer, Exception):
            raise self.answer
        self.asking.now = self.now
        return self.asking.ask(self.answer)


class World:
    """A repository, a director, a frame of them, and a server that can be made to answer anything."""

    def __init__(self, folder: Path, ceremony_dir: Path) -> None:
        self.ceremony = ceremony_dir
        self.published = TestRepository(folder / "server", ceremony_dir)
        self.director = Director(self.published.config.tuf_dir)
        self.director.install(ceremony_dir / "server")
        self.answers: dict[str, Callable[[Any, Any], Iterable[bytes]]] = {}
        """By the end of a path: what is answered instead of the truth."""
        self.sent = 0
        self.http = httpx.Client()
        self.served = Served(self.published.config, self._disturb)
        root = (ceremony_dir / "frames" / "director-root.json").read_bytes()
        asking = Asking(folder / "frame" / "update" / "director", self.director.roots, root)
        self.frame = AttackedFrame(folder / "frame", self.served.url, self.published.root, asking)

    def release(self, name: str, counter: int, package: Path, **more: Any) -> Bundle:
        """Publish a release that two people signed."""
        return self.published.publish(name, counter, [(ArtefactKind.MODEL, package)], **more)

    def order(
        self, built: Bundle, number: int = 1, *, files: Mapping | None = None, at=None, **changes: Any
    ) -> bytes:
        """Return the director's answer that orders a release, as the image repository has it unless ``files`` differ.

        The director's key is the real one: who calls this is the honest server, or has stolen the key.
        """
        entries = built.document.signed.targets
        paths = [manifest_path(built.line, built.release.name), *(a.path for a in built.release.artefacts)]
        known = {path: (entries[path].length, entries[path].hashes["sha256"]) for path in paths if path in entries}
        what = assigned(number, built.release.name, **{"counter": built.release.counter, **changes})
        what = structs.replace(what, line=built.line)
        return direct(self.director, what, known if files is None else files, at)

    def update(self, answer: bytes) -> None:
        """Let the frame poll once; what it refuses, it refuses."""
        self.frame.answer = answer
        try:
            self.frame.poll()
        except AgentError:
            return

    def keep(self, built: Bundle) -> None:
        """Let the frame install a release and keep it."""
        self.update(self.order(built, built.release.counter))
        assert self.frame.journal().kept_counters[Line.MODELS] == built.release.counter

    def trust(self, url: str | None = None, **more: Any) -> TrustClient:
        """Return a client over the frame's own store."""
        source = Fetcher(self.http, f"{url or self.served.url}/tuf/metadata", policy=RetryPolicy(attempts=1))
        store = MetadataStore(self.frame.home / "update" / "trust")
        return TrustClient(store, source, self.published.root, now=self.frame.now, **more)

    def believes(self, **more: Any) -> bool:
        """Whether the frame takes the repository as it is served now."""
        try:
            self.trust(**more).refresh()
        except AgentError:
            return False
        return True

    # What somebody who has the server can do.

    def plant(self, built: Bundle) -> None:
        """Serve a bundle as it is, signed by whoever signed it; snapshot and timestamp with the online keys."""
        for path, entry in built.document.signed.targets.items():
            if built.artefact(path).is_file():
                directory, slash, name = path.rpartition("/")
                target = self.published.repository.targets / f"{directory}{slash}{entry.hashes['sha256']}.{name}"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(built.artefact(path), target)
        self.plant_line(metadata.dump(built.document))

    def plant_line(self, data: bytes) -> None:
        """Serve metadata of the models line, whoever signed it."""
        repository = self.published.repository
        state = repository.state()
        version = metadata.parse(metadata.Targets, data).signed.version
        repository.write(f"{version}.models.json", data)
        documents = {**state.documents, "models": data}
        snapshot, timestamp = state.snapshot.signed.version + 1, state.timestamp.signed.version + 1
        repository.sign_online(state.root, documents, snapshot, timestamp, metadata.now())

    def sign_with_online_keys(self, built: Bundle) -> Bundle:
        """Sign a bundle with every key that the server has."""
        for role in roles.SERVER_KEYS:
            metadata.sign(
                built.document, keys.open_signer(self.published.config.tuf_dir / "keys" / f"{role}.pem", None)
            )
        return built

    def sign_as(self, built: Bundle, *people: int) -> Bundle:
        """Sign a bundle with people's keys, nothing compared: they are careless, or their keys are stolen."""
        for person in people:
            path = ceremony.person_directory(self.ceremony, person) / "models.pem"
            metadata.sign(built.document, keys.open_signer(path, PASSWORD))
        return built

    def remember(self) -> dict[str, bytes]:
        """Keep the metadata as it is served now."""
        return {path.name: path.read_bytes() for path in self.published.repository.metadata.iterdir()}

    def replay(self, files: Mapping[str, bytes]) -> None:
        """Serve metadata of an earlier day."""
        for path in self.published.repository.metadata.iterdir():
            path.unlink()
        for name, data in files.items():
            (self.published.repository.metadata / name).write_bytes(data)

    def answer_without_end(self, ending: str, total: int) -> None:
        """Answer one request with ``total`` bytes, no length announced; ``sent`` counts what the frame took."""

        def endless(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Type", "application/octet-stream")])
            del self.answers[ending]
            while self.sent < total:
                yield bytes(CHUNK)
                self.sent += CHUNK

        self.answers[ending] = endless

    def answer_bytes(self, ending: str, data: bytes, length: int | None = None) -> None:
        """Answer a request with ``data`` and end there, whatever length was announced."""

        def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Length", str(length or len(data)))])
            return [data]

        self.answers[ending] = answer

    def stop(self) -> None:
        """Stop serving."""
        self.http.close()
        self.served.stop()

    def _disturb(self, application: Any) -> Any:
        def disturbed(environ: Any, start_response: Any) -> Iterable[bytes]:
            for ending, answer in self.answers.items():
                if environ["PATH_INFO"].endswith(ending):
                    return answer(environ, start_response)
            return application(environ, start_response)

        return disturbed


def days_later(days: float) -> Callable[[], datetime]:
    """A clock that is ahead."""
    moment = datetime.now(UTC) + timedelta(days=days)
    return lambda: moment
