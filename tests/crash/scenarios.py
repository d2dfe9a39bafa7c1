"""The kinds of update that are cut: each is a frame before, an order, and what the frame may run meanwhile."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from device_agent.update.journal import Journal
from frame_protocol.updates import ArtefactKind, Assignment, HealthFigures
from tests.crash import operations as ops
from tests.crash.cuts import Recorded
from tests.crash.filesystem import load, store
from tests.crash.frame import CrashFrame
from tests.crash.operations import Operation
from tests.crash.recorder import recording
from tests.support.repository import TestRepository, hold_ceremony
from tests.support.tiny_models import make_delta, make_model
from tests.support.updating import HEALTH, failing, order

FILLER_BYTES = 60_000


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
    running: str | None
    reports: tuple[ops.Report, ...]


@dataclass(frozen=True)
class Scenario(Recorded):
    """One kind of update."""

    models: frozenset[str | None]
    """Weights that the frame may run at any moment, each whole."""
    outcome: Outcome
    frame: Callable[[Path], CrashFrame] = field(repr=False)
    """Make the frame that lives in a directory."""


def comparable(journal: Journal) -> Journal:
    """Return the journal without what depends on how often the frame was started."""
    return replace(journal, order=replace(journal.order, tries=0)) if journal.order else journal


class World:
    """A signed repository with a whole model, its successor and a delta, and frames that use it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._repository = TestRepository(directory / "server", hold_ceremony(directory / "ceremony"))
        base = make_model(directory / "base", filler_bytes=FILLER_BYTES)
        other = make_model(directory / "other", seed=5, filler_bytes=FILLER_BYTES)
        delta = make_delta(directory / "delta", base)
        lying = make_delta(directory / "lying", base, seed=7, promised="e" * 64)
        publish = self._repository.publish
        publish("base", 1, [(ArtefactKind.MODEL, base.tar)], result=base.weights)
        publish("other", 2, [(ArtefactKind.MODEL, other.tar)], result=other.weights)
        publish("fix", 3, [(ArtefactKind.MODEL_DELTA, delta.tar)], base=base.weights, result=delta.result)
        publish("lying", 4, [(ArtefactKind.MODEL_DELTA, lying.tar)], base=base.weights, result="e" * 64)
        self._homes = 0
        first = self.record("first", order(1, "base"), passing, None)
        self.scenarios: Mapping[str, Scenario] = {
            scenario.name: scenario
            for scenario in (
                first,
                self.record("full", order(2, "other"), passing, first),
                self.record("delta", order(2, "fix"), passing, first),
                self.record("rollback", order(2, "fix"), failing, first),
                self.record("refusal", order(2, "lying"), passing, first),
            )
        }

    def new_home(self) -> Path:
        """Return a name that no directory has yet."""
        self._homes += 1
        return self._directory / f"home-{os.getpid()}-{self._homes}"

    def tidy(self) -> None:
        """Delete the homes that this process has made."""
        for home in self._directory.glob(f"home-{os.getpid()}-*"):
            shutil.rmtree(home)

    def record(
        self,
        name: str,
        assignment: Assignment,
        self_test: Callable[[Path], HealthFigures],
        after: "Scenario | None",
    ) -> Scenario:
        """Let an update run from beginning to end and write down what it does; ``after`` is what was before it."""

        def frame(home: Path) -> CrashFrame:
            made = CrashFrame(home, self._repository.repository.metadata.parent, self._repository.root)
            made.assignment, made.self_test = assignment, self_test
            return made

        home = self.new_home()
        store(after.at_the_end() if after else {}, home)
        before, running = load(home), frame(home).running()
        reported = after.outcome.reports if after else ()
        reports = list(reported)
        operations: list[Operation] = []
        with recording(home, operations):
            journal = frame(home).boot(reports, operations)
        outcome = Outcome(comparable(journal), frame(home).running(), tuple(reports))
        models = frozenset({running, outcome.running, journal.order.weights_sha256 if journal.order else None})
        recorded = Scenario(name, before, tuple(operations), reported, models, outcome, frame)
        recorded.check_complete(load(home))
        return recorded
