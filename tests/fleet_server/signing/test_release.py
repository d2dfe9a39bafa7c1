"""A release from files to the server by the real commands, over HTTP, with keys that only people have."""

import hashlib
import stat
import threading

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import select
from tuf.api.metadata import Targets
from werkzeug.serving import make_server

from fleet_server.audit.models import AuditEntry
from fleet_server.auth import service as accounts
from fleet_server.auth.permissions import Role
from fleet_server.cli import main
from fleet_server.releases.models import Release
from fleet_server.signing import bundle, metadata
from fleet_server.signing.repository import Repository
from tests.support.repository import PASSWORD, hold_ceremony
from tests.support.songs import write_pack


@pytest.fixture(scope="module")
def ceremony_dir(tmp_path_factory):
    return hold_ceremony(tmp_path_factory.mktemp("keys") / "ceremony")


@pytest.fixture
def repository(config, ceremony_dir) -> Repository:
    assert main(["keys", "install", "--data", str(config.data_dir), "--from", str(ceremony_dir)]) == 0
    return Repository(config.tuf_dir)


@pytest.fixture
def address(people, repository):
    """The application for people on a free port."""
    server = make_server("127.0.0.1", 0, people, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tools(address, ceremony_dir, database, *, tmp_path, monkeypatch, capsys):
    """Runs a release command as a person would; returns exit code and what was printed."""
    with database.transaction() as session:
        token = accounts.create_token(session, "test", "tools", Role.RELEASE_MANAGER)
    (tmp_path / "token").write_text(token)
    monkeypatch.setenv("KEYS", PASSWORD)
    where = ["--server", address, "--token-file", str(tmp_path / "token")]

    def run(action, *arguments):
        options = {
            "build": [*where, "--root", str(ceremony_dir / "frames" / "root.json")],
            "sign": ["--keys", str(ceremony_dir), "--password-env", "KEYS"],
            "publish": where,
        }[action]
        code = main(["release", action, *options, *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.fixture
def package(tmp_path):
    path = tmp_path / "Nano-1.0.0.tar"
    path.write_bytes(b"a model" * 1000)
    return path


def build(tools, package, out, name="nano-1.0.0", counter=1, *more):
    return tools("build", "--name", name, "--counter", counter, "--artefact", f"model:{package}", "--out", out, *more)


def test_a_ceremony_encrypts_every_persons_keys_and_tells_the_server_none(ceremony_dir):
    people = sorted((ceremony_dir / "people").rglob("*.pem"))
    assert len(people) == 3 * 6
    for path in people:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(TypeError):
            load_pem_private_key(path.read_bytes(), None)
    keys = sorted(path.name for path in (ceremony_dir / "server").rglob("*.pem"))
    assert keys == ["director.pem", "snapshot.pem", "timestamp.pem"]


def test_a_ceremony_overwrites_no_key(ceremony_dir, capsys, monkeypatch):
    monkeypatch.setenv("KEYS", PASSWORD)
    assert main(["keys", "ceremony", "--out", str(ceremony_dir), "--password-env", "KEYS"]) == 2
    assert "never overwrites" in capsys.readouterr().err


def test_a_release_signed_by_two_of_three_is_published(tools, package, tmp_path, repository, database):
    out = tmp_path / "bundle"
    code, printed = build(tools, package, out)
    assert (code, "0 of 2 signatures" in printed) == (0, True)
    code, printed = tools("publish", out)
    assert (code, "0 of 2" in printed) == (2, True)
    assert "1 of 2 signatures" in tools("sign", "--person", 1, out)[1]
    assert "1 of 2 signatures" in tools("sign", "--person", 1, out)[1]
    code, printed = tools("sign", "--person", 3, out)
    assert "2 of 2 signatures" in printed
    assert hashlib.sha256(package.read_bytes()).hexdigest() in printed
    assert tools("publish", out) == (0, "published: nano-1.0.0\n")
    with database.reading() as session:
        row = session.scalars(select(Release)).one()
        assert (row.name, row.line, row.counter, row.published_by) == ("nano-1.0.0", "models", 1, "token tools")
        assert [file.path for file in row.artefacts] == ["models/nano-1.0.0/nano-1.0.0.tar"]
        sentences = session.scalars(select(AuditEntry.sentence)).all()
    assert "token tools published the release nano-1.0.0 (models, counter 1)." in sentences
    stored = list(repository.targets.rglob("*.tar"))
    assert [path.read_bytes() for path in stored] == [package.read_bytes()]
    assert list(repository.upload_path("x").parent.iterdir()) == []


def test_a_set_with_a_song_pack_is_published_and_its_page_says_what_it_needs(tools, package, tmp_path, caller):
    pack = write_pack(tmp_path)
    songs, needs = ("--artefact", f"content:{pack}"), ("--requires-counter", "firmware:7")
    seasonal = ("--line", "seasonal", "--requires-hardware", "lf-1", "--step")
    assert build(tools, package, tmp_path / "set", "christmas", 1, *songs, *needs, *seasonal)[0] == 0
    for person in (1, 2):
        code, printed = tools("sign", "--person", person, tmp_path / "set")
        assert (code, "a step" in printed) == (0, True)
    assert tools("publish", tmp_path / "set") == (0, "published: christmas\n")
    client = caller(Role.SUPPORT)
    page = client.get("/releases/christmas").text
    for shown in ("firmware, counter 7", "lf-1", "every frame must keep it", "seasonal/christmas/christmas-1.lfs"):
        assert shown in page
    (row,) = client.get("/api/v1/releases").json["releases"]
    assert (row["counters"], row["step"], row["hardware"]) == ({"firmware": 7}, True, ["lf-1"])


def test_a_release_after_a_step_requires_it_without_being_told(tools, package, tmp_path):
    for number, options in enumerate([("--step",), (), ("--requires-counter", "models:3")], start=1):
        out = tmp_path / f"bundle-{number}"
        assert build(tools, package, out, f"release-{number}", number, *options)[0] == 0
        for person in (1, 2):
            tools("sign", "--person", person, out)
        assert tools("publish", out)[0] == 0
    required = [bundle.load(tmp_path / f"bundle-{number}").release.requires.counters for number in (1, 2, 3)]
    assert required == [{}, {"models": 1}, {"models": 3}]


@pytest.mark.parametrize("text", ["firmware", "firmware:x", "hats:1"])
def test_a_counter_of_no_line_is_refused(tools, package, tmp_path, text):
    code, printed = build(tools, package, tmp_path / "out", "one", 1, "--requires-counter", text)
    assert (code, "expected LINE:N" in printed) == (2, True)


def test_a_song_pack_that_no_frame_would_take_is_not_built(tools, tmp_path):
    (tmp_path / "songs.lfs").write_bytes(b"{}")
    arguments = ["--line", "seasonal", "--name", "songs", "--counter", 1, "--out", tmp_path / "out"]
    code, printed = tools("build", *arguments, "--artefact", f"content:{tmp_path / 'songs.lfs'}")
    assert (code != 0, "no song pack" in printed) == (True, True)


def test_publishing_again_changes_nothing(tools, package, tmp_path, repository, database):
    out = tmp_path / "bundle"
    build(tools, package, out)
    for person in (1, 2):
        tools("sign", "--person", person, out)
    tools("publish", out)
    before = {path.name: path.read_bytes() for path in repository.metadata.iterdir()}
    assert tools("publish", out) == (0, "published: nothing new\n")
    assert {path.name: path.read_bytes() for path in repository.metadata.iterdir()} == before


def test_a_crash_between_files_and_rows_is_mended_by_publishing_again(tools, package, tmp_path, database):
    out = tmp_path / "bundle"
    build(tools, package, out)
    for person in (1, 2):
        tools("sign", "--person", person, out)
    tools("publish", out)
    with database.transaction() as session:
        row = session.scalars(select(Release)).one()
        for file in row.artefacts:
            session.delete(file)
        session.delete(row)
    assert tools("publish", out) == (0, "published: nano-1.0.0\n")


def test_the_second_release_comes_on_top_of_the_first(tools, package, tmp_path, database):
    for counter, name in ((1, "one"), (2, "two")):
        build(tools, package, tmp_path / name, name, counter)
        for person in (2, 3):
            tools("sign", "--person", person, tmp_path / name)
        assert tools("publish", tmp_path / name) == (0, f"published: {name}\n")


def test_who_built_on_an_older_state_must_build_again(tools, package, tmp_path):
    for counter, name in ((1, "one"), (2, "two")):
        build(tools, package, tmp_path / name, name, counter)
        for person in (2, 3):
            tools("sign", "--person", person, tmp_path / name)
    assert tools("publish", tmp_path / "one")[0] == 0
    code, printed = tools("publish", tmp_path / "two")
    assert code == 1
    assert "build and sign on top of it" in printed


def test_an_artefact_changed_after_signing_is_noticed_before_it_is_sent(tools, package, tmp_path):
    out = tmp_path / "bundle"
    build(tools, package, out)
    (out / "targets" / "models" / "nano-1.0.0" / "nano-1.0.0.tar").write_bytes(b"b model" * 1000)
    code, printed = tools("sign", "--person", 1, out)
    assert code == 1
    assert "build the bundle anew" in printed


def test_a_wrong_password_opens_nothing(tools, package, tmp_path, monkeypatch):
    build(tools, package, tmp_path / "bundle")
    monkeypatch.setenv("KEYS", "not the password")
    code, printed = tools("sign", "--person", 1, tmp_path / "bundle")
    assert (code, "wrong password" in printed) == (2, True)


def test_the_keys_of_another_ceremony_sign_nothing_here(tools, package, tmp_path):
    build(tools, package, tmp_path / "bundle")
    other = hold_ceremony(tmp_path / "other")
    code, printed = tools("sign", "--keys", other, "--person", 1, tmp_path / "bundle")
    assert code == 1
    assert "this repository's ceremony" in printed


def smuggle(out, path):
    """Add a target to a bundle's metadata beside the release."""
    document = metadata.parse(Targets, (out / "models.json").read_bytes())
    document.signed.targets[path] = metadata.target(path, 1, "a" * 64)
    (out / "models.json").write_bytes(metadata.dump(document))


def test_a_builder_cannot_smuggle_anything_past_those_who_sign(tools, package, tmp_path):
    out = tmp_path / "bundle"
    build(tools, package, out)
    smuggle(out, "models/hidden/evil.tar")
    code, printed = tools("sign", "--person", 1, out)
    assert code == 1
    assert "models/hidden/evil.tar; do not sign it" in printed


def test_a_builder_cannot_show_a_repository_of_their_own_making(tools, package, tmp_path):
    out = tmp_path / "bundle"
    build(tools, package, out)
    hold_ceremony(tmp_path / "own")
    theirs = tmp_path / "own" / "server" / "metadata"
    (out / "root.json").write_bytes((theirs / "1.root.json").read_bytes())
    (out / "targets.json").write_bytes((theirs / "1.targets.json").read_bytes())
    (out / "previous.json").write_bytes((theirs / "1.models.json").read_bytes())
    code, printed = tools("sign", "--person", 1, out)
    assert code == 1
    assert "root" in printed


def test_a_builder_with_another_root_trusts_nothing_of_this_server(tools, package, tmp_path):
    other = hold_ceremony(tmp_path / "other")
    code, _ = build(tools, package, tmp_path / "bundle", "nano-1.0.0", 1, "--root", other / "frames" / "root.json")
    assert code == 1
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("name", "counter", "says"), [("nano-1.0.0", 9, "published already"), ("other", 1, "take at least 2")]
)
def test_names_and_counters_are_used_once(tools, package, tmp_path, *, name, counter, says):
    build(tools, package, tmp_path / "first")
    for person in (1, 2):
        tools("sign", "--person", person, tmp_path / "first")
    tools("publish", tmp_path / "first")
    code, printed = build(tools, package, tmp_path / "second", name, counter)
    assert (code, says in printed) == (1, True)
