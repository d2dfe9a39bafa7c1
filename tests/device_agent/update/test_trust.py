"""What the frame believes, against metadata made and signed by the real tools, over real HTTP."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from securesystemslib.signer import CryptoSigner

from device_agent.errors import TrustError
from device_agent.update.fetch import Fetcher
from device_agent.update.retry import RetryPolicy
from device_agent.update.trust.client import TrustClient
from device_agent.update.trust.clock import reference_time, signing_time
from device_agent.update.trust.store import MetadataStore
from fleet_server.signing import ceremony, keys, metadata
from frame_protocol.updates import ArtefactKind, manifest_path
from tests.support.repository import PASSWORD

NOW = datetime.now(UTC)
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


@pytest.fixture
def http():
    with httpx.Client() as client:
        yield client


@pytest.fixture
def frame(published, served, tmp_path, http):
    """Makes a client of the frame's own store, as each poll does."""

    def make(now: datetime = NOW, root: bytes | None = None) -> TrustClient:
        source = Fetcher(http, f"{served.url}/tuf/metadata", policy=RetryPolicy(attempts=1))
        store = MetadataStore(tmp_path / "trust")
        return TrustClient(store, source, root or published.root, now=lambda: now)

    return make


@pytest.fixture
def artefact(tmp_path) -> Path:
    path = tmp_path / "one.tar"
    path.write_bytes(b"one")
    return path


def publish(published, name, counter, artefact):
    return published.publish(name, counter, [(ArtefactKind.MODEL, artefact)])


def test_a_signed_target_is_known_with_length_and_hash(frame, published, artefact):
    built = publish(published, "one", 1, artefact)
    target = frame().target("models/one/one.tar")
    assert (target.length, target.sha256) == (3, built.release.artefacts[0].sha256)
    assert target.stored_name == f"models/one/{target.sha256}.one.tar"
    assert frame().target(manifest_path("models", "one")) is not None
    assert frame().target("models/one/two.tar") is None
    assert frame().target("elsewhere/one/one.tar") is None


def test_a_release_of_one_signature_is_not_trusted(frame, published, artefact):
    built = published.sign(published.build("one", 1, [(ArtefactKind.MODEL, artefact)]), people=[1])
    replace_line(published, built.data)
    with pytest.raises(TrustError, match="models"):
        frame().target("models/one/one.tar")


def test_a_release_signed_by_the_same_person_twice_is_not_trusted(frame, published, artefact):
    built = published.sign(published.build("one", 1, [(ArtefactKind.MODEL, artefact)]), people=[1, 1])
    replace_line(published, built.data)
    with pytest.raises(TrustError):
        frame().target("models/one/one.tar")


def test_whoever_has_the_server_and_its_online_keys_cannot_make_a_release(frame, published, artefact):
    """The attacker signs the line with the online keys, and snapshot and timestamp as the server would."""
    built = published.build("one", 1, [(ArtefactKind.MODEL, artefact)])
    for role in ("snapshot", "timestamp"):
        metadata.sign(built.document, keys.open_signer(published.config.tuf_dir / "keys" / f"{role}.pem", None))
    replace_line(published, built.data)
    with pytest.raises(TrustError):
        frame().target("models/one/one.tar")


def test_one_line_cannot_sign_for_another(frame, published, artefact):
    built = published.build("one", 1, [(ArtefactKind.MODEL, artefact)])
    document = built.document
    document.signed.targets["firmware/one/one.tar"] = metadata.target("firmware/one/one.tar", 3, "0" * 64)
    for person in (1, 2):
        path = ceremony.person_directory(published.ceremony, person) / "models.pem"
        metadata.sign(document, keys.open_signer(path, PASSWORD))
    replace_line(published, metadata.dump(document))
    client = frame()
    assert client.target("firmware/one/one.tar") is None
    assert client.target("models/one/one.tar") is not None


def test_an_older_repository_is_refused_once_a_newer_was_trusted(frame, published, artefact):
    older = save(published)
    publish(published, "one", 1, artefact)
    frame().refresh()
    restore(published, older)
    with pytest.raises(TrustError, match="version"):
        frame().refresh()


def test_a_newer_timestamp_over_an_older_snapshot_is_refused(frame, published, artefact):
    """The attacker has the timestamp key and rolls the rest back."""
    older_snapshot = published.read("1.snapshot.json")
    publish(published, "one", 1, artefact)
    frame().refresh()
    document = metadata.next_timestamp(9, 1, older_snapshot, metadata.now())
    metadata.sign(document, keys.open_signer(published.config.tuf_dir / "keys" / "timestamp.pem", None))
    (published.repository.metadata / "timestamp.json").write_bytes(metadata.dump(document))
    with pytest.raises(TrustError, match="snapshot version"):
        frame().refresh()


def test_a_repository_that_is_frozen_is_refused_when_its_timestamp_expires(frame, published):
    frame().refresh()
    with pytest.raises(TrustError, match="expired"):
        frame(now=NOW + timedelta(days=8)).refresh()


def test_a_clock_in_1970_does_not_make_old_metadata_fresh(frame, published, tmp_path):
    frame().refresh()
    frozen = save(published)
    published.repository.refresh(metadata.now() + timedelta(days=20))
    frame(now=NOW + timedelta(days=20)).refresh()
    restore(published, frozen)
    with pytest.raises(TrustError):
        frame(now=LONG_AGO).refresh()


def test_a_frame_with_a_clock_in_1970_updates(frame, published, artefact):
    publish(published, "one", 1, artefact)
    assert frame(now=LONG_AGO).target("models/one/one.tar") is not None


def test_another_factorys_root_trusts_nothing_here(frame, tmp_path):
    ceremony.hold(tmp_path / "other", 1, 1, lambda person: PASSWORD)
    with pytest.raises(TrustError):
        frame(root=(tmp_path / "other" / "frames" / "root.json").read_bytes()).refresh()


def test_a_frame_from_a_drawer_walks_the_whole_chain_of_roots(frame, published, tmp_path):
    rotate_root(published, times=10)
    frame().refresh()
    assert json.loads((tmp_path / "trust" / "root.json").read_bytes())["signed"]["version"] == 11
    assert len(list((tmp_path / "trust" / "root_history").iterdir())) == 11


def test_a_root_that_the_last_one_did_not_sign_is_refused(frame, published):
    document = metadata.parse(metadata.Root, published.root)
    document.signed.version = 2
    document.signatures.clear()
    for _ in range(2):
        metadata.sign(document, CryptoSigner.generate_ed25519())
    (published.repository.metadata / "2.root.json").write_bytes(metadata.dump(document))
    with pytest.raises(TrustError):
        frame().refresh()


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json"])
@pytest.mark.parametrize("content", [None, b"", b"<html>sign in</html>", b"{}", b'{"signed":{}}', b"[" * 10_000])
def test_a_missing_or_garbled_file_is_a_trust_error(frame, published, name, content):
    path = published.repository.metadata / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(TrustError):
        frame().refresh()


def test_what_is_stored_and_damaged_is_fetched_again(frame, tmp_path, published, artefact):
    publish(published, "one", 1, artefact)
    frame().target("models/one/one.tar")
    for path in (tmp_path / "trust").glob("*.json"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert frame().target("models/one/one.tar") is not None


def test_a_check_without_news_fetches_only_the_timestamp(frame, served, published, http):
    frame().refresh()
    seen = []
    http.event_hooks["request"].append(lambda request: seen.append(request.url.path.rpartition("/")[2]))
    frame().refresh()
    assert seen == ["2.root.json", "timestamp.json"]


def test_the_reference_time_is_the_latest_moment_known_to_be_past():
    build, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    assert reference_time(LONG_AGO, build, None) == build
    assert reference_time(LONG_AGO, build, last) == last
    assert reference_time(last + timedelta(days=1), build, last) == last + timedelta(days=1)


@pytest.mark.parametrize("value", [None, "1", -1, True, 1.5, 2**62])
def test_a_signing_time_that_makes_no_sense_is_left_out(value):
    assert signing_time(value, datetime(2026, 5, 1, tzinfo=UTC)) is None


def replace_line(published, data):
    """Put a line's metadata in place as somebody who has the server would: nothing is verified."""
    repository = published.repository
    state = repository.state()
    version = metadata.parse(metadata.Targets, data).signed.version
    repository.write(f"{version}.models.json", data)
    repository.sign_online(
        state.root,
        {**state.documents, "models": data},
        state.snapshot.signed.version + 1,
        state.timestamp.signed.version + 1,
        metadata.now(),
    )


def rotate_root(published, times):
    """Sign newer roots, as the people of the ceremony would."""
    document = metadata.parse(metadata.Root, published.root)
    for version in range(2, 2 + times):
        document.signed.version = version
        document.signatures.clear()
        for person in (1, 2):
            path = ceremony.person_directory(published.ceremony, person) / "root.pem"
            metadata.sign(document, keys.open_signer(path, PASSWORD))
        (published.repository.metadata / f"{version}.root.json").write_bytes(metadata.dump(document))


def save(published):
    return {path.name: path.read_bytes() for path in published.repository.metadata.iterdir()}


def restore(published, files):
    for path in published.repository.metadata.iterdir():
        path.unlink()
    for name, data in files.items():
        (published.repository.metadata / name).write_bytes(data)
