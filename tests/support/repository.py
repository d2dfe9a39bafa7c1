"""A real image repository: keys of a ceremony, signed by two of three, served by the application for frames."""

import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from werkzeug.serving import make_server

from fleet_server.app import create_device_app
from fleet_server.config import Config
from fleet_server.signing import bundle, ceremony, metadata
from fleet_server.signing.bundle import Bundle, Plan
from fleet_server.signing.repository import Repository
from frame_protocol.updates import ArtefactKind, Line, Requirements

PASSWORD = "correct horse"


def hold_ceremony(out: Path) -> Path:
    """Make the keys of three people, of whom two must sign."""
    ceremony.hold(out, 3, 2, lambda person: PASSWORD)
    return out


class TestRepository:
    """A repository in a server's data directory, and the people who can sign for it."""

    __test__ = False

    def __init__(self, data_dir: Path, ceremony_dir: Path, at: datetime | None = None) -> None:
        self.config = Config(data_dir=data_dir)
        self.ceremony = ceremony_dir
        self.scratch = data_dir / "bundles"
        self.repository = Repository(self.config.tuf_dir)
        self.repository.install(ceremony_dir / "server", at or metadata.now())

    @property
    def root(self) -> bytes:
        """The root that frames bring from the factory."""
        return (self.ceremony / "frames" / "root.json").read_bytes()

    def read(self, name: str) -> bytes | None:
        """Return a published metadata file."""
        path = self.repository.metadata / name
        return path.read_bytes() if path.is_file() else None

    def build(
        self,
        name: str,
        counter: int,
        artefacts: Iterable[tuple[ArtefactKind, Path]],
        *,
        base: str | None = None,
        result: str | None = None,
        hardware: Iterable[str] = (),
        counters: Mapping[Line, int] | None = None,
        line: Line = Line.MODELS,
        step: bool = False,
    ) -> Bundle:
        """Build an unsigned bundle."""
        requires = Requirements(hardware=list(hardware), base_weights_sha256=base, counters=dict(counters or {}))
        plan = Plan(line, name, counter, f"title of {name}", list(artefacts), requires, result, step)
        return bundle.build(plan, self.read, self.root, self.scratch / name)

    def sign(self, built: Bundle, people: Iterable[int] = (1, 3)) -> Bundle:
        """Let people sign."""
        for person in people:
            built = bundle.sign(built, ceremony.person_directory(self.ceremony, person), PASSWORD)
        return built

    def upload(self, built: Bundle) -> None:
        """Bring the bundle's files where the API would bring them."""
        for path, file in built.document.signed.targets.items():
            source = built.artefact(path)
            if source.is_file():
                destination = self.repository.upload_path(file.hashes["sha256"])
                destination.parent.mkdir(exist_ok=True)
                shutil.copyfile(source, destination)

    def publish(
        self, name: str, counter: int, artefacts: Iterable[tuple[ArtefactKind, Path]], **more: object
    ) -> Bundle:
        """Build, sign and publish."""
        built = self.sign(self.build(name, counter, artefacts, **more))
        self.upload(built)
        self.repository.publish(built.line, built.data, metadata.now())
        return built


class Served:
    """The application for frames on a free port; ``disturb`` may wrap it to behave badly."""

    def __init__(self, config: Config, disturb: Callable[[object], object] | None = None) -> None:
        app = create_device_app(config)
        if disturb is not None:
            app.wsgi_app = disturb(app.wsgi_app)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
