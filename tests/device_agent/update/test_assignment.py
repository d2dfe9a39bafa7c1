"""What the frame takes for its assignment, and what the command says without one."""

import json

import pytest

from device_agent.cli import main
from device_agent.errors import NotEnrolled, ServerRefused, TrustError
from device_agent.system.home import Home
from device_agent.update import assignment, program
from frame_protocol.codec import encode
from frame_protocol.updates import Assignment, Line

MINE = Assignment(frame="frame-ab12", order_id="0" * 8 + "-0000-0000-0000-" + "0" * 12, release="one")


def test_an_assignment_is_read():
    assert assignment.ask(lambda path: encode(MINE), "frame-ab12") == MINE


def test_an_empty_answer_means_nothing_to_do():
    assert assignment.ask(lambda path: b"", "frame-ab12") is None


def test_a_server_that_does_not_know_lines_means_models():
    body = json.dumps({"v": 1, "frame": "frame-ab12", "order_id": MINE.order_id, "release": "one", "new": 1})
    assert assignment.ask(lambda path: body.encode(), "frame-ab12").line is Line.MODELS


def test_another_frames_assignment_is_ignored():
    with pytest.raises(TrustError, match="frame-ab12 to frame-zz99"):
        assignment.ask(lambda path: encode(MINE), "frame-zz99")


@pytest.mark.parametrize(
    "body", [b"junk", b"{}", b'{"v":2}', b'{"frame":"frame-ab12","order_id":"x","release":"../../etc"}', b"\xff"]
)
def test_an_answer_that_makes_no_sense_is_refused(body):
    with pytest.raises(ServerRefused, match="cannot be read"):
        assignment.ask(lambda path: body, "frame-ab12")


def test_without_a_trusted_root_nothing_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "FACTORY_ROOT", tmp_path / "no" / "root.json")
    with pytest.raises(TrustError, match="--trust-root"):
        program.factory_root(Home(tmp_path))
    (tmp_path / "trust-root.json").write_bytes(b"{}")
    assert program.factory_root(Home(tmp_path)) == b"{}"


def test_the_command_of_a_frame_without_identity_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LIVEFRAME_HOME", str(tmp_path))
    assert main(["update"]) == NotEnrolled.exit_code
    assert "enrol" in capsys.readouterr().err
    assert main(["update", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "idle"
