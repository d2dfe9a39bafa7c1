"""What the server takes and what it refuses; and that frames can read the repository at any moment."""

import hashlib
import itertools
import shutil
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from fleet_server.app import create_device_app
from fleet_server.auth.permissions import Role
from fleet_server.errors import ConfigurationError
from fleet_server.signing import ceremony, firmware_images, keys, metadata
from fleet_server.signing.repository import Repository, stored_name
from frame_protocol.updates import ArtefactKind, Line
from tests.support.crash import run_until_step
from tests.support.firmware import container
from tests.support.repository import PASSWORD, TestRepository, hold_ceremony


@pytest.fixture(scope="module")
def ceremony_dir(tmp_path_factory):
    return hold_ceremony(tmp_path_factory.mktemp("keys") / "ceremony")


@pytest.fixture
def world(data_dir, ceremony_dir) -> TestRepository:
    return TestRepository(data_dir, ceremony_dir)


@pytest.fixture
def manager(caller) -> FlaskClient:
    return caller(Role.RELEASE_MANAGER)


@pytest.fixture
def frames(world, database) -> FlaskClient:
    """A frame without a certificate."""
    return create_device_app(world.config, database).test_client()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "one.tar"
    path.write_bytes(b"one model" * 100)
    return path


@pytest.fixture
def signed(world, file):
    """A release that two people have signed."""
    return world.sign(world.build("one", 1, [(ArtefactKind.MODEL, file)]))


def send(client, built, *, files=True):
    if files:
        for path, entry in built.document.signed.targets.items():
            if built.artefact(path).is_file():
                answer = client.put(
                    f"/api/v1/uploads/{entry.hashes['sha256']}", data=built.artefact(path).read_bytes()
                )
                assert answer.status_code == 204
    return client.post(f"/api/v1/releases?line={built.line}", data=built.data)


def test_a_signed_release_is_taken_and_listed(manager, signed, file):
    answer = send(manager, signed)
    assert (answer.status_code, answer.json) == (201, {"published": ["one"]})
    listed = manager.get("/api/v1/releases").json["releases"]
    assert [row["name"] for row in listed] == ["one"]
    assert listed[0]["artefacts"][0]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert b"one" in manager.get("/releases").data
    assert b"models/one/one.tar" in manager.get("/releases/one").data
    assert manager.get("/releases/two").status_code == 404


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.AUDITOR, Role.APPROVER])
def test_others_may_not_publish(caller, signed, role):
    client = caller(role)
    assert client.post("/api/v1/releases?line=models", data=signed.data).status_code == 403
    assert client.put(f"/api/v1/uploads/{'a' * 64}", data=b"x").status_code == 403


def test_one_signature_is_not_enough_even_for_an_administrator(caller, world, file):
    built = world.sign(world.build("one", 1, [(ArtefactKind.MODEL, file)]), people=[2])
    answer = send(caller(Role.ADMINISTRATOR), built)
    assert answer.status_code == 422
    assert "not signed" in answer.json["detail"]


def test_metadata_that_was_changed_after_signing_is_refused(manager, signed):
    signed.document.signed.targets["models/one/one.tar"].length += 1
    assert send(manager, signed).status_code == 422


def test_a_release_without_its_files_is_refused(manager, signed):
    answer = send(manager, signed, files=False)
    assert answer.status_code == 422
    assert "upload" in answer.json["detail"]


def test_an_upload_under_a_wrong_hash_leaves_nothing(manager, world):
    assert manager.put(f"/api/v1/uploads/{'a' * 64}", data=b"x").status_code == 422
    assert manager.put("/api/v1/uploads/../../etc", data=b"x").status_code in (404, 422)
    assert not list(world.repository.upload_path("x").parent.iterdir())


def test_an_upload_may_be_larger_than_a_page(manager, world):
    data = bytes(5 * 1024 * 1024)
    sha256 = hashlib.sha256(data).hexdigest()
    assert manager.get(f"/api/v1/uploads/{sha256}").status_code == 404
    assert manager.put(f"/api/v1/uploads/{sha256}", data=data).status_code == 204
    assert manager.get(f"/api/v1/uploads/{sha256}").status_code == 204


def test_a_line_may_not_sign_for_paths_of_another(manager, world, file):
    built = world.build("one", 1, [(ArtefactKind.MODEL, file)])
    built.document.signed.targets["firmware/one/one.swu"] = metadata.target("firmware/one/one.swu", 1, "a" * 64)
    for person in (1, 2):
        path = ceremony.person_directory(world.ceremony, person) / "models.pem"
        metadata.sign(built.document, keys.open_signer(path, PASSWORD))
    answer = send(manager, built)
    assert answer.status_code == 422
    assert "outside" in answer.json["detail"]


@pytest.mark.parametrize(("carried", "says"), [(6, "carries counter 6, the release fw has 8"), (0, "no counter")])
def test_a_firmware_whose_own_counter_is_another_is_not_published(manager, world, tmp_path, carried, says):
    """Whoever signed it did not look; nothing of it becomes readable."""
    image = container(tmp_path / "fw.swu", b"an image", carried)
    with pytest.MonkeyPatch.context() as careless:
        careless.setattr(firmware_images, "check", lambda *arguments: None)
        built = world.sign(world.build("fw", 8, [(ArtefactKind.FIRMWARE, image)], line=Line.FIRMWARE))
    answer = send(manager, built)
    assert (answer.status_code, says in answer.json["detail"]) == (422, True)
    assert world.read("2.firmware.json") is None


def test_a_firmware_that_carries_the_releases_counter_is_published(manager, world, tmp_path):
    image = container(tmp_path / "fw.swu", b"an image", 8)
    built = world.sign(world.build("fw", 8, [(ArtefactKind.FIRMWARE, image)], line=Line.FIRMWARE))
    assert send(manager, built).status_code == 201
    assert world.read("2.firmware.json") is not None


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 5000, b'{"signed": {"_type": "root"}}'])
def test_a_body_that_is_no_metadata_is_refused(manager, world, data):
    assert manager.post("/api/v1/releases?line=models", data=data).status_code == 422


def test_an_unknown_line_is_refused(manager, signed):
    assert manager.post("/api/v1/releases?line=../models", data=signed.data).status_code == 422


def test_frames_read_whole_files_parts_and_refusals(frames, world, file):
    world.publish("one", 1, [(ArtefactKind.MODEL, file)])
    content = file.read_bytes()
    url = f"/tuf/targets/models/one/{hashlib.sha256(content).hexdigest()}.one.tar"
    whole = frames.get(url)
    assert (whole.status_code, whole.data, whole.headers["Accept-Ranges"]) == (200, content, "bytes")
    assert whole.headers["Content-Length"] == str(len(content))
    part = frames.get(url, headers={"Range": "bytes=100-"})
    assert (part.status_code, part.data) == (206, content[100:])
    assert part.headers["Content-Range"] == f"bytes 100-{len(content) - 1}/{len(content)}"
    assert frames.get(url, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert frames.get("/tuf/targets/models/one/missing").status_code == 404
    assert frames.get("/tuf/targets/../keys/timestamp.pem").status_code == 404
    assert frames.get("/tuf/metadata/..%2Fkeys%2Ftimestamp.pem").status_code == 404


def test_an_old_timestamp_is_renewed_when_a_frame_asks(frames, world):
    document = metadata.parse(metadata.Timestamp, world.read("timestamp.json"))
    old = metadata.next_timestamp(
        1, 1, world.read("1.snapshot.json"), document.signed.expires - timedelta(days=7 + 5)
    )
    metadata.sign(old, keys.open_signer(world.config.tuf_dir / "keys" / "timestamp.pem", None))
    (world.repository.metadata / "timestamp.json").write_bytes(metadata.dump(old))
    answer = metadata.parse(metadata.Timestamp, frames.get("/tuf/metadata/timestamp.json").data)
    assert answer.signed.version == 2
    assert not answer.signed.is_expired()


def test_snapshot_and_timestamp_are_renewed_at_half_their_life(world):
    now = metadata.now()
    assert not world.repository.refresh(now + timedelta(days=3))
    assert world.repository.refresh(now + timedelta(days=4))
    assert world.repository.refresh(now + timedelta(days=31))
    state = world.repository.state()
    assert (state.timestamp.signed.version, state.snapshot.signed.version) == (3, 2)


def test_a_server_without_online_keys_still_serves(frames, world):
    (world.config.tuf_dir / "keys" / "timestamp.pem").unlink()
    assert frames.get("/tuf/metadata/timestamp.json").status_code == 200


def test_a_repository_is_begun_once(world, ceremony_dir):
    with pytest.raises(ConfigurationError, match="already"):
        world.repository.install(ceremony_dir / "server", metadata.now())


def test_a_publication_cut_anywhere_leaves_the_old_repository_or_the_new_one(world, signed, tmp_path):
    """kill -9 before any file operation: what a frame reads is consistent, and publishing again ends the same."""
    world.upload(signed)
    for step in itertools.count(1):
        directory = tmp_path / f"copy-{step}"
        shutil.copytree(world.config.tuf_dir, directory)
        copy = Repository(directory)
        if not run_until_step(lambda: copy.publish(Line.MODELS, signed.data, metadata.now()), step, directory):  # noqa: B023
            break
        assert line_version(copy) in (1, 2)
        copy.publish(Line.MODELS, signed.data, metadata.now())
        assert line_version(copy) == 2
        assert sum(path.is_file() for path in copy.targets.rglob("*.one.*")) == 2
    assert step > 10


def line_version(repository):
    """Follow timestamp, snapshot and models as a frame does, comparing every hash; return the version of models."""
    state = repository.state()
    snapshot = (repository.metadata / f"{state.snapshot.signed.version}.snapshot.json").read_bytes()
    state.timestamp.signed.snapshot_meta.verify_length_and_hashes(snapshot)
    state.snapshot.signed.meta["models.json"].verify_length_and_hashes(state.documents["models"])
    document = metadata.parse(metadata.Targets, state.documents["models"])
    for entry in document.signed.targets.values():
        with (repository.targets / stored_name(entry)).open("rb") as file:
            entry.verify_length_and_hashes(file)
    return document.signed.version
