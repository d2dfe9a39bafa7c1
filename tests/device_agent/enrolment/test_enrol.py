"""Enrolment: one identity, whenever power goes and whoever answers."""

import json
import os
import signal
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from device_agent import cli
from device_agent.enrolment import serial as serials
from device_agent.enrolment.enrol import CannotAsk, Wish, enrol
from device_agent.errors import NotEnrolled, ServerRefused, ServerUnreachable, TrustError
from device_agent.system import identity, keys
from device_agent.system.home import Home
from tests.support.crash import run_until_step
from tests.support.pki import Authority
from tests.support.server import CODE, FleetServer

MANY_STEPS = 200


@pytest.fixture
def server(authority: Authority) -> Iterator[FleetServer]:
    running = FleetServer(authority)
    yield running
    running.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def wish(server: FleetServer, **changes: object) -> Wish:
    values = {
        "server": server.url,
        "claim_code": CODE,
        "serial": "SERIAL-1",
        "ca_pem": server.authority.pem,
        "ca_fingerprint": None,
        "hardware": "dev",
        "timezone": "Europe/Berlin",
    }
    return Wish(**{**values, **changes})


def test_a_frame_gets_an_identity_that_matches_its_key(server: FleetServer, home: Home):
    known = enrol(home, wish(server))
    assert known == identity.load(home)
    assert keys.certificate_matches(known.record.certificate_pem, known.key_file.read_bytes(), "frame-0000")
    assert keys.verify(known.record.certificate_pem, b"report", known.sign(b"report"))
    assert not keys.verify(known.record.certificate_pem, b"another", known.sign(b"report"))


def test_nobody_but_the_agents_user_can_read_the_identity(server: FleetServer, home: Home):
    enrol(home, wish(server))
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.identity.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.identity.iterdir()} == {0o600}


def test_before_enrolment_the_frame_says_how_to_enrol(home: Home):
    with pytest.raises(NotEnrolled, match="device-agent enrol"):
        identity.load(home)


def test_enrolling_again_asks_nobody_and_gives_the_same(server: FleetServer, home: Home):
    first = enrol(home, wish(server))
    asked = len(server.requests)
    assert enrol(home, wish(server)) == first
    assert len(server.requests) == asked
    with pytest.raises(CannotAsk, match="another server"):
        enrol(home, replace(wish(server), server="https://elsewhere.example"))


def test_a_power_cut_at_any_step_and_a_second_try_give_one_frame(server: FleetServer, tmp_path: Path):
    for step in range(1, MANY_STEPS):
        home = Home(tmp_path / f"home-{step}")
        asked = wish(server, serial=f"SERIAL-{step}")
        killed = run_until_step(lambda home=home, asked=asked: enrol(home, asked), step, home.root)
        known = enrol(home, asked)
        assert server.frames[f"SERIAL-{step}"][0] == known.frame_id
        assert keys.certificate_matches(known.record.certificate_pem, known.key_file.read_bytes(), known.frame_id)
        assert known.ca_file.read_text() == server.authority.pem
        if not killed:
            break
    assert 15 < step < MANY_STEPS - 1


def test_a_power_cut_before_the_answer_arrives_gives_the_same_frame(server: FleetServer, home: Home):
    read, write = os.pipe()

    def end_the_child(_path: str) -> None:
        os.kill(int(os.read(read, 10)), signal.SIGKILL)

    server.before_answer = end_the_child
    child = os.fork()
    if child == 0:
        os.write(write, str(os.getpid()).encode())
        enrol(home, wish(server))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert identity.find(home) is None
    server.before_answer = lambda path: None
    assert enrol(home, wish(server)).frame_id == server.frames["SERIAL-1"][0]
    assert len(server.frames) == 1


def test_the_fingerprint_of_the_ca_is_enough(server: FleetServer, home: Home):
    pinned = wish(server, ca_pem=None, ca_fingerprint="SHA256:" + keys.fingerprint(server.authority.pem).upper())
    assert enrol(home, pinned).frame_id == "frame-0000"


def test_a_ca_of_another_fingerprint_is_not_trusted_and_nothing_is_sent(server: FleetServer, home: Home):
    with pytest.raises(TrustError, match="do not enrol on this network"):
        enrol(home, wish(server, ca_pem=None, ca_fingerprint="0" * 64))
    assert server.requests == ["GET /device/v1/ca"]


def test_a_server_of_another_authority_gets_no_request(tmp_path: Path, server: FleetServer, home: Home):
    stranger = Authority(tmp_path / "stranger", "Another CA")
    with pytest.raises(ServerUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
        enrol(home, wish(server, ca_pem=stranger.pem))
    assert server.requests == []


def test_a_wrong_claim_code_is_refused_with_the_servers_words(server: FleetServer, home: Home):
    with pytest.raises(ServerRefused, match="unknown claim code"):
        enrol(home, wish(server, claim_code="2222-2222-2222"))
    assert enrol(home, wish(server)).frame_id == "frame-0000"


def test_a_claim_code_that_cannot_be_one_is_not_sent(server: FleetServer, home: Home):
    with pytest.raises(CannotAsk, match="ABCD-EFGH-JKLM"):
        enrol(home, wish(server, claim_code="hello"))
    assert server.requests == []


def test_another_frame_with_the_same_serial_is_refused(server: FleetServer, home: Home, tmp_path: Path):
    enrol(home, wish(server))
    with pytest.raises(ServerRefused, match="409"):
        enrol(Home(tmp_path / "thief"), wish(server))


def test_a_clock_in_1970_does_not_keep_a_frame_from_enrolling(
    server: FleetServer, home: Home, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("device_agent.system.clock.wall", lambda: 42.0)
    assert enrol(home, wish(server)).frame_id == "frame-0000"


def test_the_command_prints_who_the_frame_is(
    server: FleetServer, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("LIVEFRAME_HOME", str(home.root))
    command = ["enrol", "--server", server.url, "--claim-code", CODE, "--ca", str(server.authority.file), "--json"]
    assert cli.main([*command, "--serial", "SERIAL-9"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "frame_id": "frame-0000",
        "server": server.url,
        "serial": "SERIAL-9",
    }


def test_the_serial_comes_from_the_machine_or_is_derived_from_its_id(tmp_path: Path):
    factory, machine = tmp_path / "serial-number", tmp_path / "machine-id"
    factory.write_text("RK3588 0042\0")
    machine.write_text("0123456789abcdef\n")
    assert serials.find((factory,), machine) == "RK3588-0042"
    factory.write_text("To Be Filled By O.E.M.")
    derived = serials.find((factory,), machine)
    assert derived is not None
    assert derived.startswith("LF-")
    assert serials.is_valid(derived)
    assert serials.find((factory,), tmp_path / "absent") is None
