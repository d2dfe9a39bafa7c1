"""``device-agent status`` answers from files, also when half of them are broken."""

import json
from pathlib import Path

import pytest

from device_agent import cli
from device_agent.system import status
from device_agent.system.home import Home
from device_agent.telemetry.outbox import Outbox
from frame_protocol.telemetry import Fault
from tests.support.frame import enrolled_home
from tests.support.pki import Authority


def test_a_new_frame_is_described_without_making_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("LIVEFRAME_HOME", str(tmp_path / "home"))
    assert cli.main(["status"]) == 0
    assert "not enrolled" in capsys.readouterr().out
    assert not (tmp_path / "home").exists()


def test_an_enrolled_frame_shows_identity_model_outbox_and_update(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    home = enrolled_home(tmp_path / "home", authority, mqtt_port=1)
    Outbox(home.outbox).append(Fault(code="test"))
    (home.models / "a").mkdir(parents=True)
    (home.models / "a/manifest.json").write_text('{"model_id": "nano-1", "weights_sha256": "00"}')
    (home.models / "active").symlink_to("a")
    home.update.mkdir()
    (home.update / "journal.json").write_text('{"v": 1, "state": "trying", "order": {"release": "nano-2"}}')
    monkeypatch.setenv("LIVEFRAME_HOME", str(home.root))
    assert cli.main(["status", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["frame_id"], shown["model"]["model_id"], shown["outbox"]["waiting"]) == ("frame-test1", "nano-1", 1)
    assert (shown["update"], shown["problems"]) == ({"state": "trying", "release": "nano-2"}, [])


def test_broken_files_are_named_and_the_rest_is_still_said(tmp_path: Path, authority: Authority):
    home = enrolled_home(tmp_path / "home", authority, mqtt_port=1)
    home.outbox.write_bytes(b"no database" * 100)
    home.update.mkdir()
    (home.update / "journal.json").write_text("torn")
    found = status.read(Home(home.root))
    assert found.frame_id == "frame-test1"
    assert len(found.problems) == 2
