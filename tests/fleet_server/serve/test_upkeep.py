"""What the server does by itself before anything ends, and how it calls people for what it cannot do."""

import json
from datetime import timedelta

import pytest

from fleet_server.auth.permissions import Role
from fleet_server.cli import main
from fleet_server.dashboard import views
from fleet_server.db import utc_now
from fleet_server.pki.store import SERVER_DAYS, CaStore
from fleet_server.serve import upkeep
from fleet_server.signing import metadata, status
from fleet_server.signing.director import Director
from fleet_server.signing.repository import Repository
from tests.support.repository import hold_ceremony


@pytest.fixture(scope="module")
def ceremony_dir(tmp_path_factory):
    return hold_ceremony(tmp_path_factory.mktemp("keys") / "ceremony")


@pytest.fixture
def repository(config, ceremony_dir) -> Repository:
    made = Repository(config.tuf_dir)
    made.install(ceremony_dir / "server", metadata.now())
    Director(config.tuf_dir).install(ceremony_dir / "server")
    return made


@pytest.fixture
def later(monkeypatch):
    """Let days pass for everybody who asks what time it is."""

    def pass_days(days: float) -> None:
        at = metadata.now() + timedelta(days=days)
        monkeypatch.setattr(metadata, "now", lambda: at)
        monkeypatch.setattr(views, "utc_now", lambda: at)
        monkeypatch.setattr("fleet_server.pki.store.utc_now", lambda: at)

    return pass_days


def test_snapshot_and_timestamp_are_renewed_without_anybody_asking(config, repository, later):
    before = repository.state()
    upkeep.once(config)
    assert repository.state().timestamp.signed.version == before.timestamp.signed.version
    later(31)
    upkeep.once(config)
    after = repository.state()
    assert after.timestamp.signed.version > before.timestamp.signed.version
    assert after.snapshot.signed.version > before.snapshot.signed.version
    assert after.snapshot.signed.expires > metadata.now() + timedelta(days=59)


def test_the_servers_certificates_are_renewed_in_the_last_third_of_their_life(config, later):
    store = CaStore(config.ca_dir)
    before = {name: store.load(name).certificate for name in ("ca", "server", "ingest")}
    later(SERVER_DAYS / 2)
    upkeep.once(config)
    assert store.load("server").certificate == before["server"]
    later(SERVER_DAYS * 0.68 - SERVER_DAYS / 2)
    upkeep.once(config)
    assert store.load("ca").certificate == before["ca"]
    for name in ("server", "ingest"):
        assert store.load(name).certificate.serial_number != before[name].serial_number


def test_a_name_that_frames_use_since_comes_into_the_certificate(config):
    from dataclasses import replace

    upkeep.once(replace(config, host_names=("fleet.example", "localhost")))
    assert "fleet.example" in str(CaStore(config.ca_dir).load("server").certificate.extensions)


def test_a_server_that_cannot_renew_one_thing_renews_the_others(config, repository, later, capsys):
    (repository.keys / "timestamp.pem").unlink()
    serial = CaStore(config.ca_dir).load("server").certificate.serial_number
    later(SERVER_DAYS * 0.68)
    upkeep.once(config)
    assert CaStore(config.ca_dir).load("server").certificate.serial_number != serial


def test_a_week_before_the_page_the_log_and_the_command_call_for_people(
    config, repository, caller, later, monkeypatch
):
    words = []
    monkeypatch.setattr(status.log, "warning", lambda event, **values: words.append((event, values["what"])))
    client = caller(Role.SUPPORT)
    assert 'role="alert"' not in client.get("/").text
    upkeep.once(config)
    assert words == []
    later(359.5)
    upkeep.once(config)
    assert sorted(what for _, what in words) == ["firmware", "models", "seasonal"]
    english = client.get("/", headers={"Accept-Language": "en"}).text
    assert "firmware expires on" in english
    assert "Whole days left: 5." in english
    assert "Two people sign a renewal: docs/runbooks/keys.md, Renew." in english
    chinese = client.get("/", headers={"Accept-Language": "zh"}).text
    assert "固件产品线（firmware） 将于" in chinese
    assert "剩余整天数：5。" in chinese
    assert "须由两人签署续期" in chinese


def test_what_has_ended_says_so(config, repository, caller, later):
    later(400)
    assert "It has ended." in caller(Role.SUPPORT).get("/").text


def test_a_server_without_a_ceremony_looks_after_its_certificates_alone(config, capsys):
    assert main(["keys", "status", "--data", str(config.data_dir), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {entry["what"] for entry in told["entries"]} == {
        "certificate of server",
        "certificate of ingest",
        "fleet CA",
    }
    assert all(entry["expires"] > utc_now().isoformat() for entry in told["entries"])


def test_the_command_for_a_timer_looks_once_and_ends(config, repository):
    assert main(["upkeep", "--data", str(config.data_dir), "--once"]) == 0
