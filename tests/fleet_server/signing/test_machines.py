"""Signatures made on machines that share nothing, brought together by somebody without a key."""

import shutil

import pytest

from fleet_server.errors import Invalid
from fleet_server.signing import apply, bundle, ceremony, change, metadata, signatures
from fleet_server.signing.director import Director
from frame_protocol.updates import ArtefactKind, Line
from tests.support.repository import PASSWORD, TestRepository, hold_ceremony


@pytest.fixture
def world(tmp_path):
    made = TestRepository(tmp_path / "server", hold_ceremony(tmp_path / "ceremony"))
    Director(made.config.tuf_dir).install(made.ceremony / "server")
    return made


@pytest.fixture
def built(world, tmp_path):
    (tmp_path / "one.tar").write_bytes(b"one")
    return world.build("one", 1, [(ArtefactKind.MODEL, tmp_path / "one.tar")])


def machine(world, tmp_path, person):
    """A folder with one person's keys, and nothing else."""
    folder = tmp_path / f"machine-{person}"
    folder.mkdir(exist_ok=True)
    if not (folder / "keys").exists():
        shutil.copytree(ceremony.person_directory(world.ceremony, person), folder / "keys")
    return folder


def signed_elsewhere(world, tmp_path, built, person):
    folder = machine(world, tmp_path, person)
    shutil.copytree(built.directory, folder / built.directory.name)
    signed = bundle.sign(bundle.load(folder / built.directory.name), folder / "keys", PASSWORD)
    path = tmp_path / f"person-{person}.signature"
    path.write_bytes(signatures.pack({signed.line: signed.document}))
    return path


def test_two_of_three_sign_copies_and_the_merged_bundle_is_published(world, tmp_path, built):
    files = [signed_elsewhere(world, tmp_path, built, person) for person in (1, 3)]
    merged = built
    for count, path in enumerate(files, 1):
        merged = bundle.merge(merged, path)
        assert merged.signatures() == (count, 2)
    assert bundle.merge(merged, files[0]).signatures() == (2, 2)
    world.upload(merged)
    world.repository.publish(Line.MODELS, merged.data, metadata.now())
    assert world.read("2.models.json") == merged.data


def test_a_signature_over_another_bundle_is_refused_by_name(world, tmp_path, built):
    (tmp_path / "two.tar").write_bytes(b"two")
    other = world.build("two", 1, [(ArtefactKind.MODEL, tmp_path / "two.tar")])
    path = signed_elsewhere(world, tmp_path, other, 1)
    with pytest.raises(Invalid, match="not over this document"):
        bundle.merge(built, path)
    assert bundle.load(built.directory).signatures() == (0, 2)


def test_a_signature_of_a_stranger_is_refused(world, tmp_path, built):
    stranger = metadata.parse(metadata.Targets, built.data)
    own = hold_ceremony(tmp_path / "stranger")
    metadata.sign(stranger, bundle.keys.open_signer(ceremony.person_directory(own, 1) / "models.pem", PASSWORD))
    path = tmp_path / "stranger.signature"
    path.write_bytes(signatures.pack({"models": stranger}))
    with pytest.raises(Invalid, match="may not sign this"):
        bundle.merge(built, path)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"signatures": {"models": [{}]}}', b"\xff"])
def test_a_file_that_holds_no_signatures_says_so(tmp_path, built, text):
    path = tmp_path / "broken.signature"
    path.write_bytes(text)
    with pytest.raises(Invalid, match="no signatures"):
        bundle.merge(built, path)


def test_a_change_is_signed_on_machines_of_their_own_too(world, tmp_path):
    director = Director(world.config.tuf_dir)
    before, chains = apply.published(world.repository, director)
    made = change.build(before, chains, [], metadata.now(), tmp_path / "change", renew=True)
    for person in (2, 3):
        folder = machine(world, tmp_path, person)
        shutil.copytree(made.directory, folder / "change")
        copy = change.load(folder / "change")
        change.sign(copy, folder / "keys", PASSWORD)
        path = tmp_path / f"{person}.signature"
        path.write_bytes(signatures.pack(copy.after))
        change.merge(made, path)
    apply.apply(world.repository, director, change.load(made.directory), metadata.now())
    assert world.repository.root().signed.version == 2
