"""A complaint comes from a folder or from the fleet server, and leaves nothing behind."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from model_pipeline.errors import DataMissing, FixError, FleetError
from model_pipeline.fix.complaint import from_folder, from_server

TOKEN = "lab-token"
ID = "3f2c1a52-8f5e-4a66-9c1e-0d6a5f9d4a11"
COMPLAINT = {"v": 1, "complaint_id": ID, "kind": "lips-do-not-match", "state": "confirmed", "frame": "frame-0000"}


class Fleet(BaseHTTPRequestHandler):
    """The three answers of the fleet server that the laboratory needs."""

    complaint = COMPLAINT

    def do_GET(self):
        answers = {"": json.dumps(self.complaint).encode(), "/clip": b"clip" * 1000, "/voice": b"voice"}
        body = answers.get(self.path.removeprefix(f"/api/v1/complaints/{ID}"))
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        self.send_response(200 if body is not None and allowed else 404 if allowed else 401)
        self.end_headers()
        if body is not None and allowed:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def fleet():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Fleet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_clip_and_voice_are_here_for_the_work_and_gone_after_it(fleet):
    with from_server(fleet, ID, TOKEN) as case:
        folder = case.clip.parent
        assert case.record.complaint_id == ID
        assert case.clip.read_bytes() == b"clip" * 1000
        assert case.voice.read_bytes() == b"voice"
    assert not folder.exists()


def test_they_are_gone_after_a_failure_too(fleet):
    def work():
        with from_server(fleet, ID, TOKEN) as case:
            work.folder = case.clip.parent
            raise FixError("stop")

    with pytest.raises(FixError):
        work()
    assert not work.folder.exists()


def test_a_wrong_token_is_said(fleet):
    with pytest.raises(FleetError, match="401"), from_server(fleet, ID, "other"):
        pass


def test_a_server_that_is_away_is_said():
    with pytest.raises(FleetError, match="does not answer"), from_server("http://127.0.0.1:9", ID, TOKEN):
        pass


def test_only_confirmed_complaints_about_lips_are_worked_on(tmp_path):
    for name in ("clip.mp4", "voice.wav"):
        (tmp_path / name).write_bytes(b"x")
    for change, reason in (({"state": "filed"}, "support confirms"), ({"kind": "other"}, "lips-do-not-match")):
        (tmp_path / "complaint.json").write_text(json.dumps(COMPLAINT | change))
        with pytest.raises(FixError, match=reason):
            from_folder(tmp_path)


def test_a_folder_without_a_clip_is_refused(tmp_path):
    with pytest.raises(DataMissing, match=r"clip\.mp4 is missing"):
        from_folder(tmp_path)
