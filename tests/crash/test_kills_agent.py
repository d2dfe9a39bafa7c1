"""The agent killed at sampled system calls of ``device-agent update``; the server and what it signs are real."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from device_agent.telemetry.outbox import Outbox
from device_agent.update import journal, song_packs
from frame_protocol.telemetry import UpdateEvent
from frame_protocol.updates import UpdateState
from tests.crash.kills import CHANGES, Point, counts, killing, sample, tracing
from tests.journeys.test_update import Frame, fleet, people, stop  # noqa: F401  fixtures
from tests.support.songs import write_pack

POINTS, LONG_POINTS = 3, 40
CALLS = (*CHANGES, "connect", "flock")
PACK = "christmas"
OLD, NEW = [(PACK, 1)], [(PACK, 2)]
WHOLE_WAY = ["offered", "downloading", "verified", "installed", "trying", "kept"]


@dataclass(frozen=True)
class Home:
    """A frame's home before a start or after one."""

    path: Path

    def update(self, behind: list[str]) -> subprocess.CompletedProcess[str]:
        """Run ``device-agent update`` with ``behind`` before it."""
        command = [*behind, sys.executable, "-m", "device_agent.cli", "update", "--json"]
        environment = {**os.environ, "LIVEFRAME_HOME": str(self.path)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def runs(self) -> list[tuple[str, int]]:
        """Name and version of the song packs that play, every file compared with its manifest."""
        packs = song_packs.read_all((self.path / "content" / "active").resolve())
        return [(pack.pack, pack.version) for pack in packs]

    def reports(self, order: str) -> list[str]:
        """The states of this order that wait in the outbox, in their order."""
        outbox = Outbox(self.path / "outbox.sqlite")
        try:
            outbox.check()
            events = [pending.message("f").event for pending in outbox.unacknowledged(1000)]
        finally:
            outbox.close()
        updates = [event.report for event in events if isinstance(event, UpdateEvent)]
        return [report.state.value for report in updates if report.order_id == order]


@pytest.fixture(scope="module")
def pristine(fleet, people, tmp_path_factory) -> Home:  # noqa: F811
    """A frame that keeps version 1 of a song pack, and is offered version 2."""
    folder = tmp_path_factory.mktemp("kills")
    for version in (1, 2):
        pack = write_pack(folder / "packs", version=version)
        people.release(f"songs-{version}", version, f"content:{pack}", "--line", "seasonal")
    frame = Frame(folder / "frame", fleet, "SER-KILLS")
    agent = frame.start()
    try:
        people.wait_for(people.roll_out("songs-1", frame.frame_id), "kept")
    finally:
        stop(agent)
    people.roll_out("songs-2", frame.frame_id)
    home = Home(frame.home)
    assert home.runs() == OLD
    return home


def copy(home: Home, path: Path) -> Home:
    shutil.copytree(home.path, path, symlinks=True)
    return Home(path)


@pytest.mark.parametrize("points", [POINTS, pytest.param(LONG_POINTS, marks=pytest.mark.long)])
def test_a_killed_update_is_old_or_new_tells_the_truth_and_ends_within_two_starts(pristine, tmp_path, points):
    traced = copy(pristine, tmp_path / "traced")
    done = traced.update(tracing(CALLS, tmp_path / "trace"))
    assert done.returncode == 0, done.stderr
    order = json.loads(done.stdout)["order_id"]
    assert (traced.runs(), traced.reports(order)) == (NEW, WHOLE_WAY)
    cut = 0
    for number, point in enumerate(sample(counts(tmp_path / "trace"), points, "device-agent update")):
        home = copy(pristine, tmp_path / str(number))
        cut += home.update(killing(point)).returncode != 0
        check_the_truth(home, order, point)
        starts = start_until_it_ends(home, point)
        assert starts <= 2, f"{point}: {starts} starts"
        assert (home.runs(), home.reports(order)) == (NEW, WHOLE_WAY), point
        shutil.rmtree(home.path)
    sys.stdout.write(f"device-agent update: {points} points, {cut} cut\n")
    assert cut > points // 2, "most kills came after the update had ended"


def check_the_truth(home: Home, order: str, point: Point) -> None:
    """Before any start: one version whole; who said ``kept`` runs the new one; states in their order, each once."""
    runs, reports = home.runs(), home.reports(order)
    assert runs in (OLD, NEW), point
    assert reports == WHOLE_WAY[: len(reports)], point
    assert runs == NEW or "kept" not in reports, point


def start_until_it_ends(home: Home, point: Point) -> int:
    for start in (1, 2):
        again = home.update([])
        assert again.returncode == 0, f"{point}: {again.stderr}"
        if journal.load(home.path / "update" / "journal.json").state is UpdateState.KEPT:
            return start
    raise AssertionError(f"{point}: not kept after two starts: {again.stderr}")
