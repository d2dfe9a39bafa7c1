"""What the frame takes for its assignment: the director's word, signed, fresh and its own; nothing else."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from securesystemslib.signer import CryptoSigner

from device_agent.cli import main
from device_agent.errors import NotEnrolled, ServerRefused, TrustError
from device_agent.system.home import Home
from device_agent.update import program
from fleet_server.signing import ceremony, keys, metadata, roles
from fleet_server.signing.director import Director
from frame_protocol.codec import decode, encode
from frame_protocol.updates import DirectorMetadata, Line
from tests.support.directing import Asking, assigned, direct
from tests.support.repository import PASSWORD

NOW = datetime.now(UTC)
MINE = assigned(1, "one", counter=1)


@pytest.fixture
def director(tmp_path, ceremony_dir) -> Director:
    made = Director(tmp_path / "tuf")
    made.install(ceremony_dir / "server")
    return made


@pytest.fixture
def frame(tmp_path, director, ceremony_dir) -> Asking:
    root = (ceremony_dir / "frames" / "director-root.json").read_bytes()
    return Asking(tmp_path / "director", director.roots, root)


def altered(answer: bytes, **documents: bytes) -> bytes:
    raw = {name: msgspec.Raw(document) for name, document in documents.items()}
    return encode(msgspec.structs.replace(decode(answer, DirectorMetadata), **raw))


def test_what_the_director_signed_is_read(frame, director):
    directed = frame.ask(direct(director, MINE, {"releases/models/one.json": (7, "a" * 64)}))
    assert directed.assignment == MINE
    (file,) = directed.files.items()
    assert (file[0], file[1].length, file[1].sha256) == ("releases/models/one.json", 7, "a" * 64)
    assert directed.assignment.line is Line.MODELS


def test_no_content_means_nothing_to_do(frame):
    assert frame.ask(None) is None


def test_an_answer_that_was_cut_off_whole_is_not_taken_for_nothing_to_do(frame):
    with pytest.raises(ServerRefused, match="cannot be read"):
        frame.ask(b"")


def test_the_same_question_may_be_asked_again_and_again(frame, director):
    for seconds in range(3):
        at = NOW + timedelta(seconds=seconds)
        assert frame.ask(direct(director, MINE, at=at)).assignment == MINE


def test_a_newer_word_replaces_an_older(frame, director):
    frame.ask(direct(director, MINE, at=NOW))
    other = assigned(2, "two", counter=2)
    assert frame.ask(direct(director, other, at=NOW + timedelta(milliseconds=1))).assignment == other


def test_an_older_answer_is_refused(frame, director):
    older = direct(director, MINE, at=NOW - timedelta(seconds=1))
    frame.ask(direct(director, assigned(2, "two", counter=2), at=NOW))
    with pytest.raises(TrustError, match="version"):
        frame.ask(older)


def test_an_answer_of_two_days_ago_is_refused(frame, director):
    with pytest.raises(TrustError, match="expired"):
        frame.ask(direct(director, MINE, at=NOW - timedelta(days=2)))


def test_another_frames_answer_is_refused(frame, director):
    with pytest.raises(TrustError, match="for frame-zz99, this is frame-ab12"):
        frame.ask(direct(director, assigned(1, "one", frame="frame-zz99", counter=1)))


@pytest.mark.parametrize("document", ["timestamp", "snapshot", "targets"])
def test_an_answer_made_of_two_is_refused(frame, director, document):
    one = direct(director, MINE, at=NOW)
    other = decode(direct(director, assigned(2, "two", counter=2), at=NOW + timedelta(seconds=1)), DirectorMetadata)
    with pytest.raises(TrustError):
        frame.ask(altered(one, **{document: bytes(getattr(other, document))}))


@pytest.mark.parametrize("document", ["timestamp", "snapshot", "targets"])
def test_an_answer_signed_by_somebody_else_is_refused(frame, director, tmp_path, ceremony_dir, document):
    answer = direct(director, MINE)
    parsed = metadata.Metadata.from_bytes(bytes(getattr(decode(answer, DirectorMetadata), document)))
    parsed.signatures.clear()
    metadata.sign(parsed, CryptoSigner.generate_ed25519())
    with pytest.raises(TrustError, match="sign"):
        frame.ask(altered(answer, **{document: metadata.dump(parsed)}))


def test_the_image_repositorys_keys_are_not_the_directors(frame, director, ceremony_dir):
    """Neither the online keys of the other repository nor its root can speak for the director."""
    (director.roots.parent / "keys" / "director.pem").write_bytes(
        (ceremony_dir / "server" / "keys" / "timestamp.pem").read_bytes()
    )
    with pytest.raises(TrustError, match="sign"):
        frame.ask(direct(director, MINE))
    root = (ceremony_dir / "frames" / "root.json").read_bytes()
    (director.roots / "2.root.json").write_bytes(root)
    with pytest.raises(TrustError):
        frame.ask(direct(director, MINE))


def test_after_the_directors_key_was_stolen_a_new_root_names_another(frame, director, ceremony_dir):
    """The thief made versions far ahead; new keys bring low ones back."""
    frame.ask(direct(director, MINE, at=NOW + timedelta(days=300)))
    stolen = direct(director, assigned(7, "old", counter=1), at=NOW + timedelta(days=301))
    root = metadata.parse(metadata.Root, (director.roots / "1.root.json").read_bytes())
    path = director.roots.parent / "keys" / "director.pem"
    path.unlink()
    fresh = keys.generate(path, None)
    for role in (roles.TARGETS, *roles.ONLINE):
        root.signed.revoke_key(root.signed.roles[role].keyids[0], role)
        root.signed.add_key(fresh, role)
    root.signed.version = 2
    root.signatures.clear()
    for person in (1, 2):
        own = ceremony.person_directory(ceremony_dir, person) / "director-root.pem"
        metadata.sign(root, keys.open_signer(own, PASSWORD))
    (director.roots / "2.root.json").write_bytes(metadata.dump(root))
    with pytest.raises(TrustError, match="sign"):
        frame.ask(stolen)
    assert frame.ask(direct(director, MINE, at=NOW)).assignment == MINE


def test_targets_without_an_assignment_are_refused(frame, director):
    with pytest.raises(TrustError, match="0 assignments"):
        frame.ask(direct(director, MINE, {"models/one/one.tar": (7, "a" * 64)}))


def test_an_assignment_that_makes_no_sense_is_refused(frame, director):
    bad = msgspec.structs.replace(MINE, order_id="x")
    with pytest.raises(TrustError, match="cannot be read"):
        frame.ask(direct(director, bad))


@pytest.mark.parametrize("body", [b"junk", b"{}", b'{"v":2}', b'{"frame":"frame-ab12","release":"one"}', b"\xff"])
def test_an_answer_that_makes_no_sense_is_refused(frame, body):
    with pytest.raises(ServerRefused, match="cannot be read"):
        frame.ask(body)


def test_a_frame_with_a_clock_in_1970_takes_the_directors_word(frame, director):
    frame.now = lambda: datetime(1970, 1, 2, tzinfo=UTC)
    assert frame.ask(direct(director, MINE)).assignment == MINE


def test_an_answer_is_small(director):
    assert len(direct(director, MINE)) < 2_000


def test_without_a_trusted_root_nothing_is_installed(tmp_path):
    home = Home(tmp_path)
    with pytest.raises(TrustError, match="--trust-root"):
        program.factory_root(home.trust_root, tmp_path / "no" / "root.json")
    (tmp_path / "trust-root.json").write_bytes(b"{}")
    assert program.factory_root(home.trust_root, tmp_path / "no" / "root.json") == b"{}"


def test_the_command_of_a_frame_without_identity_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LIVEFRAME_HOME", str(tmp_path))
    assert main(["update"]) == NotEnrolled.exit_code
    assert "enrol" in capsys.readouterr().err
    assert main(["update", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "idle"
