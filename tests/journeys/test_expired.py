"""A frame whose certificate has really ended, at a real server: refused by both doors, then back by itself."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import update

from device_agent.enrolment.enrol import Wish, enrol
from device_agent.errors import AgentError
from device_agent.system import identity, keys, tls
from device_agent.system.home import Home
from device_agent.system.http import DeviceHttp
from device_agent.telemetry.outbox import Outbox
from device_agent.update.assignment import PATH
from fleet_server.db import utc_now
from fleet_server.devices.models import Certificate
from fleet_server.pki import certificates
from fleet_server.pki.store import CaStore
from frame_protocol.telemetry import Fault
from tests.support.running_fleet import RunningFleet
from tests.support.waiting import until


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[RunningFleet]:
    data = tmp_path / "data"
    subprocess.run([sys.executable, "-m", "fleet_server.cli", "init", "--data", str(data)], check=True)
    running = RunningFleet(data).start()
    yield running
    running.stop()


@pytest.fixture
def home(fleet: RunningFleet, tmp_path: Path) -> Home:
    """A frame with a certificate of the fleet's CA that ended a day ago."""
    made = Home(tmp_path / "home")
    ca = CaStore(fleet.data_dir / "ca")
    known = enrol(made, Wish(fleet.run["device_url"], fleet.claim(), "EXP-0001", ca.ca_pem(), None, "dev", "UTC"))
    request = keys.make_request(known.key_file.read_bytes(), known.frame_id)
    ended = certificates.issue_frame(ca.load(), request, known.frame_id, utc_now() - timedelta(days=91), 90)
    pem = certificates.certificate_pem(ended)
    identity.save(made, msgspec.structs.replace(known.record, certificate_pem=pem))
    with fleet.database.transaction() as session:
        session.execute(
            update(Certificate)
            .where(Certificate.frame_id == known.frame_id)
            .values(pem=pem, serial_hex=certificates.serial_of(ended), expires_at=ended.not_valid_after_utc)
        )
    return made


def test_a_frame_whose_certificate_ended_is_refused_and_finds_back_by_itself(fleet: RunningFleet, home: Home):
    known = identity.load(home)
    with DeviceHttp(known.server, tls.for_identity(known, home)) as http, pytest.raises(AgentError):
        http.get(PATH)
    environment = {**os.environ, "LIVEFRAME_HOME": str(home.root), "LIVEFRAME_LOG": "error"}
    outbox = Outbox(home.outbox)
    outbox.append(Fault(code="from-the-drawer"))
    outbox.close()
    command = [sys.executable, "-m", "device_agent.cli", "run", "--health-every", "3600", "--poll-every", "3600"]
    agent = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: identity.load(home).record.certificate_pem != known.record.certificate_pem, "it is not renewed")
        until(lambda: Outbox(home.outbox).depth() == 0, "nothing arrives")
    finally:
        agent.terminate()
        agent.wait(30)
