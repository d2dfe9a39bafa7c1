"""A complaint is kept first and sent whole, and nothing personal leaves the frame without consent."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_agent import cli
from device_agent.complaints import origin
from device_agent.complaints.filing import FilingState, file_and_send
from device_agent.complaints.sentences import SENTENCES
from device_agent.complaints.spool import Filing, Spool
from device_agent.complaints.upload import upload_all
from device_agent.errors import VideoError, VoiceUnreadable
from device_agent.provenance import Provenance, to_metadata
from device_agent.system import identity
from device_agent.system.active_model import ActiveModel
from device_agent.system.home import Home
from frame_protocol.complaints import ComplaintKind, ComplaintState
from frame_protocol.telemetry import Fill
from tests.support.crash import run_until_step
from tests.support.frame import enrolled_home
from tests.support.pki import Authority
from tests.support.server import FleetServer

MODEL = ActiveModel("nano-0123456789ab", "0" * 64)
VIDEO = b"\0\0\0\x18ftypmp42" + b"picture" * 1000
VOICE = b"RIFF\0\0\0\0WAVEfmt " + b"sound" * 1000
MANY_STEPS = 200


@pytest.fixture
def server(authority: Authority) -> Iterator[FleetServer]:
    running = FleetServer(authority)
    yield running
    running.close()


@pytest.fixture
def home(tmp_path: Path, server: FleetServer) -> Home:
    return enrolled_home(tmp_path / "home", server.authority, mqtt_port=1, server=server.url)


@pytest.fixture
def filing(tmp_path: Path) -> Filing:
    (tmp_path / "talking.mp4").write_bytes(VIDEO)
    (tmp_path / "hello.wav").write_bytes(VOICE)
    return Filing(
        kind=ComplaintKind.LIPS_DO_NOT_MATCH,
        text="the mouth is late",
        consent=True,
        video=tmp_path / "talking.mp4",
        voice=tmp_path / "hello.wav",
    )


def without_consent(filing: Filing) -> Filing:
    return Filing(filing.kind, filing.text, False, filing.video, filing.voice)


def test_with_consent_complaint_clip_and_voice_arrive_and_the_spool_is_empty(
    home: Home, server: FleetServer, filing: Filing
):
    filed = file_and_send(home, filing, MODEL)
    assert filed.state is FilingState.SENT
    assert server.complaints[filed.complaint_id].text == "the mouth is late"
    assert server.files == {f"{filed.complaint_id}/clip": VIDEO, f"{filed.complaint_id}/voice": VOICE}
    assert Spool(home).waiting() == []


def test_without_consent_neither_clip_nor_voice_is_even_copied(home: Home, server: FleetServer, filing: Filing):
    spooled = Spool(home).file(without_consent(filing), MODEL)
    assert sorted(path.name for path in spooled.folder.iterdir()) == ["complaint.json"]
    assert (spooled.complaint.clip_sha256, spooled.complaint.voice_sha256) == (None, None)
    assert upload_all(home, identity.load(home), Spool(home)) == 1
    assert [request.split()[0] for request in server.requests] == ["PUT"]
    assert server.files == {}


def test_a_server_out_of_reach_is_no_error_and_the_complaint_goes_out_later(
    home: Home, server: FleetServer, filing: Filing
):
    server.failing = 1
    filed = file_and_send(home, filing, MODEL)
    assert filed.state is FilingState.WAITING
    assert upload_all(home, identity.load(home), Spool(home)) == 1
    assert list(server.complaints) == [filed.complaint_id]


def test_an_upload_that_stopped_goes_on_with_the_next_step(home: Home, server: FleetServer, filing: Filing):
    spool = Spool(home)
    spool.file(filing, MODEL)

    def fail_after_the_complaint(path: str) -> None:
        server.failing = 1
        server.before_answer = lambda _path: None

    server.before_answer = fail_after_the_complaint
    file_and_send(home, without_consent(filing), MODEL)
    server.failing = 0
    server.requests.clear()
    upload_all(home, identity.load(home), spool)
    parts = [request.rsplit("/", 1)[1] for request in server.requests[:2]]
    assert parts == ["clip", "voice"]
    assert spool.waiting() == []


def test_a_power_cut_at_any_step_loses_no_complaint_and_doubles_none(home: Home, server: FleetServer, filing: Filing):
    spool = Spool(home)
    for step in range(1, MANY_STEPS):
        server.complaints.clear()
        server.files.clear()
        spooled = spool.file(filing, MODEL)
        killed = run_until_step(lambda: upload_all(home, identity.load(home), spool), step, home.root)
        upload_all(home, identity.load(home), spool)
        name = spooled.complaint.complaint_id
        assert list(server.complaints) == [name]
        assert server.files == {f"{name}/clip": VIDEO, f"{name}/voice": VOICE}
        assert spool.waiting() == []
        assert list(home.complaints.iterdir()) == []
        if not killed:
            break
    assert 10 < step < MANY_STEPS - 1


def test_a_complaint_cut_off_while_it_was_filed_is_not_there_at_all(home: Home, filing: Filing):
    spool = Spool(home)
    for step in range(1, MANY_STEPS):
        before = len(spool.waiting())
        killed = run_until_step(lambda: spool.file(filing, MODEL), step, home.root)
        now = spool.waiting()
        assert len(now) - before in ((0, 1) if killed else (1,))
        assert all(item.file("clip").read_bytes() == VIDEO for item in now)
        if not killed:
            break
    assert 10 < step < MANY_STEPS - 1


def test_what_the_server_refuses_for_good_is_kept_without_the_recordings(
    home: Home, server: FleetServer, filing: Filing
):
    spool = Spool(home)
    spooled = spool.file(filing, MODEL)
    spooled.file("clip").write_bytes(b"the disk changed it")
    assert upload_all(home, identity.load(home), spool) == 0
    (left,) = spool.waiting()
    assert "another file" in left.progress.refused
    assert not left.file("clip").exists()
    assert not left.file("voice").exists()


def test_files_that_are_not_a_video_and_a_voice_are_refused_with_what_was_expected(home: Home, filing: Filing):
    with pytest.raises(VideoError, match="expected the MP4"):
        Spool(home).file(Filing(filing.kind, "", True, filing.voice, filing.voice), MODEL)
    with pytest.raises(VoiceUnreadable, match="as WAV"):
        Spool(home).file(Filing(filing.kind, "", True, filing.video, filing.video), MODEL)


def test_a_complaint_names_the_model_that_made_the_video_also_after_an_update(home: Home, filing: Filing):
    for slot, name in (("a", "nano-old"), ("b", "nano-new")):
        (home.models / slot).mkdir(parents=True)
        manifest = {"model_id": name, "weights_sha256": slot * 64}
        (home.models / slot / "manifest.json").write_text(json.dumps(manifest))
    (home.models / "active").symlink_to("b")
    assert origin.model_of(filing.video, home).model_id == "nano-new"
    made = Provenance("nano-old", "00000000-0000-0000-0000-000000000000", Fill.IDLE)
    filing.video.write_bytes(VIDEO + to_metadata(made)["comment"].encode())
    assert origin.model_of(filing.video, home) == ActiveModel("nano-old", "a" * 64)


def test_every_state_has_a_sentence():
    assert set(SENTENCES) == set(ComplaintState)


def test_the_owner_reads_that_the_fix_has_arrived(
    home: Home,
    server: FleetServer,
    filing: Filing,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("LIVEFRAME_HOME", str(home.root))
    slot = home.models / "a"
    slot.mkdir(parents=True)
    (slot / "manifest.json").write_text(
        json.dumps({"model_id": MODEL.model_id, "weights_sha256": MODEL.weights_sha256})
    )
    (home.models / "active").symlink_to("a")
    command = ["complain", "--video", str(filing.video), "--voice", str(filing.voice), "--kind", "lips-do-not-match"]
    assert cli.main([*command, "--consent", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "sent"
    server.states[answer["complaint_id"]] = ComplaintState.FIXED
    assert cli.main(["complaints"]) == 0
    assert "your fix has arrived" in capsys.readouterr().out


def test_without_an_identity_the_command_says_how_to_get_one(
    tmp_path: Path, filing: Filing, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("LIVEFRAME_HOME", str(tmp_path / "nobody"))
    command = ["complain", "--video", str(filing.video), "--voice", str(filing.voice), "--kind", "other"]
    assert cli.main(command) == 30
    assert "device-agent enrol" in capsys.readouterr().err
