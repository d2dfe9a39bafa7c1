"""SWUpdate and SQLite killed at sampled system calls, and what a start finds after each (``make crash-kills``)."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from device_agent.errors import AgentError
from device_agent.telemetry.outbox import Outbox
from device_agent.update.firmware import boot, container
from device_agent.update.firmware.frame import Firmware
from device_agent.update.firmware.settings import Settings
from device_agent.update.firmware.swupdate import SWUpdate
from device_agent.update.firmware.variables import VariablesFile
from fleet_server.firmware import build, image, signing
from fleet_server.firmware.description import IMAGE, Facts
from tests.crash import appender
from tests.crash.kills import CHANGES, Point, counts, killing, sample, script, tracing

REPOSITORY = Path(__file__).resolve().parents[2]
INSTALLER_CALLS = (*CHANGES, "openat", "read", "clone", "clone3", "connect", "accept")
RUNNING = b"the firmware that runs"
PATIENCE_SECONDS = 3
"""A kill of one process of SWUpdate leaves the others waiting; a power cut takes them too."""
SWUPDATE_POINTS, SWUPDATE_LONG = 6, 200
SQLITE_POINTS, SQLITE_LONG = 8, 120


@pytest.fixture(scope="module")
def firmware_image(tmp_path_factory) -> tuple[Path, Path]:
    """A signed container of a small file system, and the certificate."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "tree").mkdir()
    (folder / "tree" / "noise").write_bytes(random.Random(1).randbytes(300_000))
    image.squash(folder / "tree", folder / IMAGE)
    signing.make(folder / "key", "secret")
    build.pack(
        Facts("2.0", "dev", ("1.0",), 2), folder / IMAGE, signing.load(folder / "key", "secret"), folder / "f.swu"
    )
    return folder / "f.swu", folder / "key" / signing.CERTIFICATE


class Frame:
    """A home whose ``swupdate`` may be run behind something else."""

    def __init__(self, home: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self._patch = home, monkeypatch
        self._path, self._real = os.environ["PATH"], str(shutil.which("swupdate"))
        (home / "slots").mkdir(parents=True)
        (home / "slots" / "a").write_bytes(RUNNING)
        self.firmware = Firmware(
            running="a",
            version="1.0",
            counter=1,
            variables=VariablesFile(home / "boot.json"),
            installer=SWUpdate(home, Settings(certificate=str(certificate)), "dev"),
            heartbeats=lambda: 0,
            enough_heartbeats=2,
            silent_polls=3,
            directory=home,
        )

    def install(self, source: Path, behind: list[str]) -> None:
        """Install with ``behind`` before the program."""
        script(self.home / "bin" / "swupdate", behind, self._real, PATIENCE_SECONDS)
        self._patch.setenv("PATH", f"{self.home / 'bin'}:{self._path}")
        try:
            self.firmware.install(source)
        finally:
            self._patch.setenv("PATH", self._path)


@pytest.mark.parametrize("points", [SWUPDATE_POINTS, pytest.param(SWUPDATE_LONG, marks=pytest.mark.long)])
def test_a_killed_install_leaves_the_running_slot_and_is_done_again(firmware_image, tmp_path, monkeypatch, points):
    source, certificate = firmware_image
    Frame(tmp_path / "traced", certificate, monkeypatch).install(source, tracing(INSTALLER_CALLS, tmp_path / "trace"))
    cut = 0
    for number, point in enumerate(sample(counts(tmp_path / "trace"), points, "swupdate")):
        frame = Frame(tmp_path / str(number), certificate, monkeypatch)
        try:
            frame.install(source, killing(point))
        except AgentError:
            cut += 1
        assert (frame.home / "slots" / "a").read_bytes() == RUNNING, point
        assert boot.start(frame.firmware.variables.load())[0] == "a", point
        assert frame.firmware.install(source) == "b", point
        assert container.differs(source, frame.home / "slots" / "b") is None, point
        shutil.rmtree(frame.home)
    sys.stdout.write(f"swupdate: {points} points, {cut} installs cut\n")
    assert cut > points // 2, "most kills came after SWUpdate had ended"


def fill(outbox: Path, behind: list[str]) -> subprocess.CompletedProcess[str]:
    command = [*behind, sys.executable, "-m", "tests.crash.appender", str(outbox)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def stored(path: Path) -> list[tuple[int, str]]:
    """Number and name of everything that the server has not acknowledged, after the check of every start."""
    outbox = Outbox(path)
    try:
        outbox.check()
        return [(pending.seq, pending.message("f").event.code) for pending in outbox.unacknowledged(1000)]
    finally:
        outbox.close()


@pytest.mark.parametrize("points", [SQLITE_POINTS, pytest.param(SQLITE_LONG, marks=pytest.mark.long)])
def test_an_outbox_whose_program_was_killed_has_lost_and_doubled_nothing(tmp_path, points):
    assert fill(tmp_path / "traced" / "o", tracing(CHANGES, tmp_path / "trace")).returncode == 0
    first, last = appender.ACKNOWLEDGED + 1, appender.EVENTS
    whole = [(number, appender.code(number)) for number in range(first, last + 1)]
    cut = 0
    for number, point in enumerate(sample(counts(tmp_path / "trace"), points, "sqlite")):
        path = tmp_path / str(number) / "outbox.sqlite"
        done = fill(path, killing(point))
        cut += done.returncode != 0
        check_what_was_said(done.stdout, stored(path), point)
        again = fill(path, [])
        assert again.returncode == 0, f"{point}: {again.stderr}"
        assert stored(path) == whole, point
        shutil.rmtree(path.parent)
    sys.stdout.write(f"sqlite: {points} points, {cut} cut\n")
    assert cut > points // 2, "most kills came after the program had ended"


def check_what_was_said(said: str, found: list[tuple[int, str]], point: Point) -> None:
    """What was appended is there, until it was acknowledged; the step that was cut is done or not."""
    appended = said.count("appended")
    numbers = [seq for seq, _ in found]
    assert found == [(seq, appender.code(seq)) for seq in numbers], point
    for first in {appender.ACKNOWLEDGED + 1} if "acknowledged" in said else {1, appender.ACKNOWLEDGED + 1}:
        if numbers in (list(range(first, last + 1)) for last in (appended, appended + 1)):
            return
    raise AssertionError(f"{point}: said {said!r}, found {numbers}")
