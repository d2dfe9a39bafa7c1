"""Firmware travels from the people who build and sign it into a frame's other slot: every program real.

The boot loader alone is a stand-in (docs/firmware.md).
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from device_agent.update import journal
from device_agent.update.firmware.boot import Variables
from fleet_server.cli import main
from fleet_server.rollouts.models import StoredReport
from frame_protocol.updates import UpdateState
from tests.journeys.test_update import Frame, People, fleet, people, stop  # noqa: F401  fixtures
from tests.support.firmware import Workshop

HARDWARE = "dev"
"""What a frame that is enrolled without ``--hardware`` is."""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"), HARDWARE)


@pytest.fixture(scope="module")
def releases(people, workshop):  # noqa: F811
    """A firmware that works, and one whose agent never starts, published by two people's keys."""
    for counter, (name, path) in enumerate(
        [("fw-2", workshop.swu("2.0")), ("fw-3", workshop.swu("3.0", crashes=True))], start=2
    ):
        people.release(name, counter, f"firmware:{path}", "--line", "firmware")


@pytest.fixture
def shipped() -> str:
    """The version that the factory put on."""
    return "1.0"


@pytest.fixture
def machine(fleet, workshop, shipped, tmp_path) -> Iterator[Frame]:  # noqa: F811
    """A frame that the factory gave its firmware, in front of its boot loader."""
    frame = Frame(tmp_path / "f", fleet, f"SER-{abs(hash(tmp_path)) % 10**6:06d}")
    workshop.provision(frame.home, shipped)
    with frame.log.open("ab") as log:
        command = [sys.executable, "-m", "device_agent.update.firmware.stand_in", "--home", str(frame.home)]
        command += ["--", "run", "--poll-every", "1", "--health-every", "1"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    yield frame
    stop(process)


def variables(frame: Frame) -> Variables:
    return msgspec.json.decode((frame.home / "firmware" / "boot.json").read_bytes(), type=Variables)


def boots(frame: Frame) -> list[str]:
    return [line for line in frame.log.read_text().splitlines() if line.startswith("boot: slot")]


def last(fleet, frame: Frame, state: str) -> StoredReport:  # noqa: F811
    """The report of that state by the frame's latest order."""
    order = journal.load(frame.home / "update" / "journal.json").order.order_id
    with fleet.database.reading() as session:
        found = session.get_one(StoredReport, (order, state))
        session.expunge(found)
    return found


def test_a_signed_firmware_is_installed_started_in_the_other_slot_and_kept(fleet, people, releases, machine):  # noqa: F811
    shown = people.wait_for(people.roll_out("fw-2", machine.frame_id), "kept")
    assert shown["state"] == "finished"
    assert boots(machine) == ["boot: slot a", "boot: slot b, start 1 of 3"]
    assert variables(machine) == Variables(slot="b")
    ended = journal.load(machine.home / "update" / "journal.json")
    assert (ended.state, ended.order.previous_firmware_slot) == (UpdateState.KEPT, "a")
    assert last(fleet, machine, "kept").health["firmware"] == "2.0"


def test_a_crashing_firmware_is_left_after_three_starts_and_reported(fleet, people, releases, machine):  # noqa: F811
    people.wait_for(people.roll_out("fw-3", machine.frame_id), "reverted")
    tried = [f"boot: slot b, start {number} of 3" for number in (1, 2, 3)]
    assert boots(machine) == ["boot: slot a", *tried, "boot: slot a, start 4 of 3"]
    assert variables(machine) == Variables(slot="a")
    assert (
        last(fleet, machine, "reverted").reason
        == "slot b did not confirm itself in 3 starts; the boot loader went back"
    )


@pytest.mark.parametrize("shipped", ["5.0"])
def test_a_firmware_below_that_of_the_factory_is_refused_although_it_was_signed(fleet, people, releases, machine):  # noqa: F811
    people.wait_for(people.roll_out("fw-2", machine.frame_id), "refused")
    assert last(fleet, machine, "refused").reason == "counter 2 is not above 5, which this frame has"
    assert boots(machine) == ["boot: slot a"]


def test_the_command_builds_the_same_bytes_again(workshop, tmp_path):
    figures = []
    for number in (1, 2):
        out, said = tmp_path / f"{number}" / "firmware.swu", tmp_path / f"{number}.json"
        code = main(
            ["firmware", "build", "--wheel", str(workshop.wheel), "--environment", str(workshop.environment("x")),
             "--version", "9.0", "--counter", "9", "--hardware", HARDWARE, "--revision", "1.0",
             "--key", str(workshop.folder / "key"), "--password-file", str(workshop.folder / "password"),
             "--out", str(out), "--json", str(said)]
        )  # fmt: skip
        assert code == 0
        figures.append(json.loads(said.read_text()))
    assert figures[0]["sha256"] == figures[1]["sha256"]
    assert Path(figures[0]["file"]).stat().st_size == figures[0]["bytes"]
