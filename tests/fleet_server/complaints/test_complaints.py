"""A complaint from the frame's call to the laboratory's export, over HTTP."""

import hashlib
import io
import uuid

import pytest
from sqlalchemy import select

from fleet_server.auth.permissions import Role
from fleet_server.complaints import service
from fleet_server.complaints.blobs import LocalBlobStorage
from fleet_server.complaints.models import ComplaintRecord
from fleet_server.devices.models import PendingCommand
from fleet_server.errors import Invalid
from frame_protocol import codec
from frame_protocol.complaints import Complaint, ComplaintKind
from frame_protocol.updates import UpdateReport, UpdateState

CLIP = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40
VOICE = b"RIFF" + bytes(2000)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def complaint(*, consent: bool = True, clip: bytes | None = CLIP, voice: bytes | None = VOICE) -> Complaint:
    return Complaint(
        complaint_id=str(uuid.uuid4()),
        kind=ComplaintKind.LIPS_DO_NOT_MATCH,
        at=1.0,
        model_id="nano-000000000000",
        weights_sha256="a" * 64,
        consent=consent,
        text="She speaks too early.",
        clip_sha256=sha256(clip) if clip else None,
        voice_sha256=sha256(voice) if voice else None,
    )


def send(client, filed: Complaint):
    return client.put(f"/device/v1/complaints/{filed.complaint_id}", data=codec.encode(filed))


def send_clip(client, filed: Complaint, data: bytes = CLIP, content_type: str = "video/mp4"):
    return client.put(f"/device/v1/complaints/{filed.complaint_id}/clip", data=data, content_type=content_type)


@pytest.fixture
def filed(as_frame, frame) -> Complaint:
    """A complaint with clip and voice that arrived whole."""
    one, client = complaint(), as_frame(frame)
    assert send(client, one).status_code == 201
    assert send_clip(client, one).status_code == 204
    path = f"/device/v1/complaints/{one.complaint_id}/voice"
    assert client.put(path, data=VOICE, content_type="audio/wav").status_code == 204
    return one


def test_sending_it_again_changes_nothing(as_frame, frame, filed, database):
    client = as_frame(frame)
    assert send(client, filed).status_code == 200
    assert send_clip(client, filed).status_code == 204
    with database.reading() as session:
        assert len(session.scalars(select(ComplaintRecord)).all()) == 1


def test_without_consent_no_clip_is_announced_or_taken(as_frame, frame):
    client = as_frame(frame)
    assert send(client, complaint(consent=False)).status_code == 409
    silent = complaint(consent=False, clip=None, voice=None)
    assert send(client, silent).status_code == 201
    assert send_clip(client, silent).status_code == 409


def test_a_clip_with_another_hash_is_refused_and_leaves_no_file(as_frame, frame, config):
    client, one = as_frame(frame), complaint()
    send(client, one)
    answer = send_clip(client, one, CLIP + b"!")
    assert answer.status_code == 422
    assert "SHA-256" in answer.json["detail"]
    assert not [path for path in config.blobs_dir.rglob("*") if path.is_file()]


def test_a_clip_of_another_kind_is_refused(as_frame, frame):
    client, one = as_frame(frame), complaint()
    send(client, one)
    assert send_clip(client, one, content_type="text/html").status_code == 422


def test_a_clip_over_the_limit_is_refused(as_frame, frame, monkeypatch):
    monkeypatch.setitem(service.LIMITS, service.Media.CLIP, 1000)
    client, one = as_frame(frame), complaint()
    send(client, one)
    assert send_clip(client, one).status_code == 413


def test_storage_itself_counts_what_comes(tmp_path):
    blobs = LocalBlobStorage(tmp_path)
    with pytest.raises(Invalid, match="longer than the 99 bytes"):
        blobs.store(io.BytesIO(VOICE), sha256(VOICE), 99)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert blobs.store(io.BytesIO(VOICE), sha256(VOICE), len(VOICE)) == len(VOICE)
    with blobs.open(sha256(VOICE)) as file:
        assert file.read() == VOICE


def test_a_call_that_is_no_file_is_at_most_a_payload_long(as_frame, frame):
    answer = as_frame(frame).put(f"/device/v1/complaints/{uuid.uuid4()}", data=b" " * (64 * 1024 + 1))
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")
    assert as_frame(None).post("/device/v1/enrol", data=b" " * (64 * 1024 + 1)).status_code == 413


def test_a_frame_sees_and_touches_its_own_complaints_only(as_frame, new_frame, filed):
    other = as_frame(new_frame("SER-0002"))
    assert other.get("/device/v1/complaints").json["complaints"] == []
    assert send_clip(other, filed).status_code == 404
    assert send(other, filed).status_code == 409


def test_support_confirms_and_the_frame_learns_it(as_frame, frame, filed, caller, database):
    answer = caller(Role.SUPPORT).post(
        f"/api/v1/complaints/{filed.complaint_id}/verdict", json={"verdict": "confirm"}
    )
    assert answer.json["state"] == "confirmed"
    listed = as_frame(frame).get("/device/v1/complaints").json["complaints"]
    assert listed == [{"complaint_id": filed.complaint_id, "state": "confirmed", "release": None}]
    with database.reading() as session:
        waiting = session.scalars(select(PendingCommand)).all()
    assert [(one.frame_id, one.kind) for one in waiting] == [(frame.frame_id, "complaint-changed")]


def test_a_rejection_needs_a_reason(filed, caller):
    support = caller(Role.SUPPORT)
    path = f"/api/v1/complaints/{filed.complaint_id}/verdict"
    assert support.post(path, json={"verdict": "reject"}).status_code == 422
    answer = support.post(path, json={"verdict": "reject", "reason": "The photo shows two people."})
    assert answer.json["state"] == "rejected"
    assert support.post(path, json={"verdict": "confirm"}).status_code == 409


def test_the_laboratory_exports_confirmed_complaints_with_clip_and_voice(filed, caller):
    support, laboratory = caller(Role.SUPPORT), caller(Role.LABORATORY)
    assert laboratory.get("/api/v1/complaints?state=confirmed").json["complaints"] == []
    support.post(f"/api/v1/complaints/{filed.complaint_id}/verdict", json={"verdict": "confirm"})
    listed = laboratory.get("/api/v1/complaints?state=confirmed").json
    assert listed["total"] == 1
    files = listed["complaints"][0]["files"]
    assert laboratory.get(files["clip"]["url"]).data == CLIP
    assert laboratory.get(files["voice"]["url"]).data == VOICE
    assert files["clip"]["sha256"] == sha256(CLIP)


def test_a_clip_can_be_watched_in_parts(filed, caller):
    path = f"/complaints/{filed.complaint_id}/clip"
    answer = caller(Role.SUPPORT).get(path, headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.data) == (206, CLIP[10:20])


def test_the_laboratory_gives_no_verdict_and_an_auditor_sees_no_clip(filed, caller):
    path = f"/api/v1/complaints/{filed.complaint_id}"
    assert caller(Role.LABORATORY).post(f"{path}/verdict", json={"verdict": "confirm"}).status_code == 403
    assert caller(Role.AUDITOR).get(f"{path}/clip").status_code == 403


def test_it_is_fixed_when_its_frame_keeps_the_release(filed, frame, caller, database):
    path = f"/api/v1/complaints/{filed.complaint_id}"
    caller(Role.SUPPORT).post(f"{path}/verdict", json={"verdict": "confirm"})
    offered = caller(Role.LABORATORY).post(f"{path}/fix", json={"release": "lips-fix-7f3a"})
    assert (offered.json["state"], offered.json["release"]) == ("fix-offered", "lips-fix-7f3a")

    def report(release: str, state: UpdateState, of: str) -> None:
        one = UpdateReport(frame=of, boot="0" * 16, order_id=str(uuid.uuid4()), release=release, state=state, at=1.0)
        with database.transaction() as session:
            service.on_report(session, one)

    def state() -> str:
        with database.reading() as session:
            return service.get(session, filed.complaint_id).state

    report("lips-fix-7f3a", UpdateState.INSTALLED, frame.frame_id)
    report("another-1.0.0", UpdateState.KEPT, frame.frame_id)
    report("lips-fix-7f3a", UpdateState.KEPT, "frame-zzzz9999")
    assert state() == "fix-offered"
    report("lips-fix-7f3a", UpdateState.KEPT, frame.frame_id)
    assert state() == "fixed"


def test_erasing_reaches_the_disk_and_is_not_undone_by_the_frame(filed, as_frame, frame, config, database):
    blobs = LocalBlobStorage(config.blobs_dir)
    assert set(blobs) == {sha256(CLIP), sha256(VOICE)}
    with database.transaction() as session:
        assert service.erase_frame(session, "ada", frame.frame_id, blobs) == 2
    assert set(blobs) == set()
    assert send_clip(as_frame(frame), filed).status_code == 409
    assert set(blobs) == set()


def test_a_clip_that_two_complaints_share_is_erased_with_the_last(as_frame, frame, filed, config, database):
    client, second = as_frame(frame), complaint(voice=None)
    send(client, second)
    send_clip(client, second)
    blobs = LocalBlobStorage(config.blobs_dir)
    with database.transaction() as session:
        service.erase_files(session, "ada", [filed.complaint_id], blobs)
    assert set(blobs) == {sha256(CLIP)}
    with database.transaction() as session:
        service.erase_files(session, "ada", [second.complaint_id], blobs)
    assert set(blobs) == set()
