"""A frame and the real fleet server: enrolment and telemetry, whoever is killed on the way."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from sqlalchemy import update

from device_agent.enrolment.enrol import ENROL_PATH, Wish, enrol
from device_agent.enrolment.renew import renew
from device_agent.errors import ServerRefused
from device_agent.system import identity, keys
from device_agent.system.home import Home
from device_agent.telemetry.outbox import Outbox
from fleet_server.devices.models import Certificate
from frame_protocol.telemetry import Fault
from tests.support.crash import run_until_step
from tests.support.running_fleet import RunningFleet
from tests.support.waiting import PATIENCE_SECONDS, until

ROWS = 300


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFleet]:
    data = tmp_path_factory.mktemp("fleet") / "data"
    subprocess.run([sys.executable, "-m", "fleet_server.cli", "init", "--data", str(data)], check=True)
    running = RunningFleet(data).start()
    yield running
    running.stop()


def wish(fleet: RunningFleet, serial: str) -> Wish:
    return Wish(
        server=fleet.run["device_url"],
        claim_code=fleet.claim(),
        serial=serial,
        ca_pem=None,
        ca_fingerprint=keys.fingerprint(fleet.ca.read_text()),
        hardware="dev",
        timezone="UTC",
    )


def agent(home: Home, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "device_agent.cli", *arguments],
        env={**os.environ, "LIVEFRAME_HOME": str(home.root), "LIVEFRAME_LOG": "error"},
        stdout=subprocess.PIPE,
        text=True,
    )


def flush(home: Home) -> None:
    process = agent(home, "telemetry", "flush", "--json", "--timeout", str(PATIENCE_SECONDS))
    answer, _ = process.communicate()
    assert process.returncode == 0, answer


def query(fleet: RunningFleet, sql: str, *values: str) -> list[tuple[str, ...]]:
    uri = f"file:{fleet.data_dir / 'fleet.sqlite3'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
        return connection.execute(sql, values).fetchall()


def kill_and_wait(fleet: RunningFleet, victim: str) -> None:
    """End a part of the server with kill -9 and wait until its keeper has started another."""
    before = fleet.kill(victim)

    def started_again() -> bool:
        try:
            now = fleet.mosquitto() if victim == "mosquitto" else int(fleet.run["pids"].get(victim, before))
        except (StopIteration, KeyError, psutil.Error):
            return False
        return now != before

    until(started_again, f"{victim} was not started again")


def codes(fleet: RunningFleet, frame: str) -> list[str]:
    rows = query(fleet, "SELECT body FROM messages WHERE kind = 'fault' AND frame_id = ?", frame)
    bodies = [json.loads(body) for (body,) in rows]
    return sorted(str(body.get("code") or body["event"]["code"]) for body in bodies)


def report(home: Home, prefix: str) -> list[str]:
    outbox = Outbox(home.outbox)
    made = [f"{prefix}-{number:04d}" for number in range(ROWS)]
    for code in made:
        outbox.append(Fault(code=code))
    outbox.close()
    return made


def test_a_power_cut_while_enrolling_leaves_one_frame(fleet: RunningFleet, tmp_path: Path):
    for step in (1, 9, 14, 17, 20, 23, 26):
        home = Home(tmp_path / f"home-{step}")
        asked = wish(fleet, f"CUT-{step:04d}")
        run_until_step(lambda home=home, asked=asked: enrol(home, asked), step, home.root)
        known = enrol(home, asked)
        rows = query(fleet, "SELECT id FROM frames WHERE serial = ?", f"CUT-{step:04d}")
        assert rows == [(known.frame_id,)]
        assert keys.certificate_matches(known.record.certificate_pem, known.key_file.read_bytes(), known.frame_id)


def test_a_used_claim_code_is_good_for_no_other_frame(fleet: RunningFleet, tmp_path: Path):
    asked = wish(fleet, "FIRST-01")
    enrol(Home(tmp_path / "first"), asked)
    with pytest.raises(ServerRefused, match=f"{ENROL_PATH}.*409"):
        enrol(Home(tmp_path / "second"), asked)


@pytest.fixture
def home(fleet: RunningFleet, tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    enrol(made, wish(fleet, f"TEL-{os.urandom(4).hex()}"))
    return made


@pytest.mark.parametrize("left_days", [29, -200], ids=["last third", "months in a drawer"])
def test_a_certificate_is_renewed_and_the_frame_goes_on_with_it(fleet: RunningFleet, home: Home, left_days: int):
    known = identity.load(home)
    ends = datetime.now(UTC) + timedelta(days=left_days)
    with fleet.database.transaction() as session:
        session.execute(update(Certificate).where(Certificate.frame_id == known.frame_id).values(expires_at=ends))
    assert renew(home, known)
    fresh = identity.load(home)
    assert fresh.certificate_file.read_text() == fresh.record.certificate_pem != known.record.certificate_pem
    expected = report(home, "renewed")
    flush(home)
    assert codes(fleet, known.frame_id) == expected
    assert not renew(home, fresh)


@pytest.mark.parametrize("victim", ["ingest", "mosquitto"])
def test_kill_9_of_a_part_of_the_server_loses_and_doubles_nothing(fleet: RunningFleet, home: Home, victim: str):
    frame = identity.load(home).frame_id
    running = agent(home, "run", "--health-every", "3600", "--poll-every", "3600")
    try:
        expected = []
        for turn in range(2):
            expected += report(home, f"{turn}")
            some = len(expected) - ROWS + 20
            until(lambda some=some: len(codes(fleet, frame)) >= some, "nothing arrives")
            kill_and_wait(fleet, victim)
        flush(home)
    finally:
        running.terminate()
        running.communicate()
    assert codes(fleet, frame) == expected
    assert Outbox(home.outbox).depth() == 0


def test_kill_9_of_the_agent_loses_and_doubles_nothing(fleet: RunningFleet, home: Home):
    frame = identity.load(home).frame_id
    expected = []
    for turn in range(3):
        expected += report(home, f"{turn}")
        running = agent(home, "run", "--health-every", "3600", "--poll-every", "3600")
        some = len(expected) - ROWS + 10
        until(lambda some=some: len(codes(fleet, frame)) >= some, "nothing arrives")
        running.send_signal(signal.SIGKILL)
        running.communicate()
    flush(home)
    assert codes(fleet, frame) == expected
    assert Outbox(home.outbox).depth() == 0
