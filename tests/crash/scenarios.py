"""The kinds of update that are cut: each is a frame before, an order, and what the frame may run meanwhile."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from pathlib import Path

from msgspec.structs import replace

from device_agent.update.journal import Journal
from device_agent.update.permission import Deed
from fleet_server.signing.bundle import Bundle
from fleet_server.signing.director import Director
from frame_protocol.updates import FINAL, ArtefactKind, Assignment, HealthFigures, Line, manifest_path
from tests.crash import firmware
from tests.crash import operations as ops
from tests.crash.cuts import Recorded
from tests.crash.filesystem import load, store
from tests.crash.frame import CrashFrame, Running, Voice
from tests.crash.operations import Operation
from tests.crash.recorder import recording
from tests.support.directing import assigned, direct
from tests.support.firmware import container
from tests.support.repository import TestRepository, hold_ceremony
from tests.support.songs import write_pack
from tests.support.tiny_models import make_delta, make_model
from tests.support.updating import HEALTH, failing

Artefacts = Iterable[tuple[ArtefactKind, Path]]

FILLER_BYTES = 60_000
FIRMWARE = "firmware 2"
"""What stands for an image."""


MEMORY = Path("/dev/shm")
"""A disk in memory, if there is one: thousands of small frames are made on it."""


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a directory to work in, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        yield Path(directory)


def passing(directory: Path) -> HealthFigures:
    """A self-test that passes."""
    return HEALTH


@dataclass(frozen=True)
class Outcome:
    """What is left of an update when it has ended; two ways that end the same are equal here."""

    journal: Journal
    running: Running
    reports: tuple[ops.Report, ...]


@dataclass(frozen=True)
class Scenario(Recorded):
    """One kind of update."""

    order_id: str
    started: Running
    promised: Running
    """What the release brings; where it is never activated, the same as ``started``."""
    outcome: Outcome
    frame: Callable[[Path], CrashFrame] = field(repr=False)
    """Make the frame that lives in a directory."""

    @property
    def whole(self) -> frozenset[Running]:
        """What may run after any start."""
        return frozenset({self.started, self.promised})

    @property
    def in_between(self) -> Running:
        """What a cut between two links leaves until the next start: never a song pack without its model."""
        return replaced(self.started, weights=self.promised.weights)


@dataclass(frozen=True)
class Wish:
    """What a scenario is made of."""

    name: str
    release: str
    promised: Running | None
    """None: it is never activated."""
    after: str | None = None
    """The scenario that was before it; an order that waited there is still the one."""
    self_test: Callable[[Path], HealthFigures] = passing
    why_wait: Callable[[Deed], str | None] = lambda deed: None
    has_slots: bool = False
    """Whether the factory gave the frame firmware in a slot."""


def comparable(journal: Journal) -> Journal:
    """Return the journal without what depends on how often the frame was started."""
    return replace(journal, order=replace(journal.order, tries=0)) if journal.order else journal


def until_night(deed: Deed) -> str | None:
    """The maintenance window is closed."""
    return "not now" if deed is Deed.ACTIVATE else None


class World:
    """A signed repository with models, a delta and song packs, its director, and frames that use them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        ceremony = hold_ceremony(directory / "ceremony")
        self._repository = TestRepository(directory / "server", ceremony)
        self._director = Director(self._repository.config.tuf_dir)
        self._director.install(ceremony / "server")
        self._voice = Voice(
            self._answer, self._director.roots, (ceremony / "frames" / "director-root.json").read_bytes()
        )
        self._bundles: dict[str, Bundle] = {}
        self._homes = 0
        self.scenarios: dict[str, Scenario] = {}
        for wish in self._publish():
            self.scenarios[wish.name] = self.record(wish)

    def _publish(self) -> list[Wish]:
        """Publish every release, and return the kinds of update that they make."""
        base = make_model(self._directory / "base", filler_bytes=FILLER_BYTES)
        other = make_model(self._directory / "other", seed=5, filler_bytes=FILLER_BYTES)
        delta = make_delta(self._directory / "delta", base)
        lying = make_delta(self._directory / "lying", base, seed=7, promised="e" * 64)
        packs = [write_pack(self._directory / "packs", version=version) for version in (1, 2, 3)]
        birthday = write_pack(self._directory / "packs", "birthday")
        gone = write_pack(self._directory / "packs", version=4, songs=[])
        content, changed = (ArtefactKind.CONTENT, packs[2]), (ArtefactKind.MODEL_DELTA, delta.tar)
        self._release("base", 1, [(ArtefactKind.MODEL, base.tar)], result=base.weights)
        self._release("other", 2, [(ArtefactKind.MODEL, other.tar)], result=other.weights)
        self._release("fix", 3, [changed], base=base.weights, result=delta.result)
        self._release("lying", 4, [(ArtefactKind.MODEL_DELTA, lying.tar)], base=base.weights, result="e" * 64)
        self._songs("songs-1", 1, [(ArtefactKind.CONTENT, packs[0]), (ArtefactKind.CONTENT, birthday)])
        self._songs("songs-2", 2, [(ArtefactKind.CONTENT, packs[1])])
        self._songs("singing", 3, [changed, content], base=base.weights, result=delta.result)
        self._songs("no-songs", 4, [(ArtefactKind.CONTENT, gone)])
        image = container(self._directory / "firmware.swu", FIRMWARE.encode(), 2)
        self._release("firmware-2", 2, [(ArtefactKind.FIRMWARE, image)], line=Line.FIRMWARE)
        first, second, third, last = ((("birthday", 1), ("christmas", version)) for version in (1, 2, 3, 4))
        bare, fixed = Running(base.weights), Running(delta.result)
        sung = Running(delta.result, third)
        return [
            Wish("first", "base", bare),
            Wish("full", "other", Running(other.weights), "first"),
            Wish("delta", "fix", fixed, "first"),
            Wish("rollback", "fix", fixed, "first", self_test=failing),
            Wish("refusal", "lying", None, "first"),
            Wish("songs", "songs-1", Running(base.weights, first), "first"),
            Wish("content", "songs-2", Running(base.weights, second), "songs"),
            Wish("set", "singing", sung, "songs"),
            Wish("set-rollback", "singing", sung, "songs", self_test=failing),
            Wish("waiting", "singing", None, "songs", why_wait=until_night),
            Wish("commit", "singing", sung, "waiting"),
            Wish("removal", "no-songs", Running(delta.result, last), "set"),
            Wish("firmware", "firmware-2", replaced(bare, firmware=FIRMWARE), "first", has_slots=True),
            Wish(
                "firmware-rollback",
                "firmware-2",
                replaced(bare, firmware=FIRMWARE),
                "first",
                self_test=failing,
                has_slots=True,
            ),
        ]

    def new_home(self) -> Path:
        """Return a name that no directory has yet."""
        self._homes += 1
        return self._directory / f"home-{os.getpid()}-{self._homes}"

    def tidy(self) -> None:
        """Delete the homes that this process has made."""
        for home in self._directory.glob(f"home-{os.getpid()}-*"):
            shutil.rmtree(home)

    def record(self, wish: Wish) -> Scenario:
        """Let an update run from beginning to end and write down what it does."""
        after = self.scenarios[wish.after] if wish.after else None
        number = sum(1 for report in after.outcome.reports if report.report.state in FINAL) + 1 if after else 1
        release = self._bundles[wish.release].release
        assignment = replace(assigned(number, release.name, counter=release.counter), line=release.line)

        def frame(home: Path) -> CrashFrame:
            repository = self._repository
            made = CrashFrame(home, repository.repository.metadata.parent, repository.root, self._voice)
            made.assignment, made.self_test, made.why_wait = assignment, wish.self_test, wish.why_wait
            return made

        home = self.new_home()
        store(after.at_the_end() if after else {}, home)
        if wish.has_slots:
            firmware.provision(home)
        before, started = load(home), frame(home).runs()
        reported = after.outcome.reports if after else ()
        reports = list(reported)
        operations: list[Operation] = []
        with recording(home, operations):
            journal = frame(home).boot(reports, operations)
        outcome = Outcome(comparable(journal), frame(home).runs(), tuple(reports))
        recorded = Scenario(
            name=wish.name,
            before=before,
            operations=tuple(operations),
            reported=reported,
            order_id=assignment.order_id,
            started=started,
            promised=wish.promised or started,
            outcome=outcome,
            frame=frame,
        )
        recorded.check_complete(load(home))
        return recorded

    def _release(self, name: str, counter: int, artefacts: Artefacts, **more: object) -> None:
        self._bundles[name] = self._repository.publish(name, counter, artefacts, **more)

    def _songs(self, name: str, counter: int, artefacts: Artefacts, **more: object) -> None:
        self._release(name, counter, artefacts, line=Line.SEASONAL, **more)

    def _answer(self, assignment: Assignment) -> bytes:
        """Let the director name the files of a release as the image repository has them."""
        built = self._bundles[assignment.release]
        entries = built.document.signed.targets
        paths = [manifest_path(built.line, built.release.name), *(file.path for file in built.release.artefacts)]
        files = {path: (entries[path].length, entries[path].hashes["sha256"]) for path in paths}
        return direct(self._director, assignment, files)
