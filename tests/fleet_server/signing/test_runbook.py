"""docs/runbooks/keys.md, run as it is written, with frames that look on."""

import json
import os
import re
import shlex
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pkcs11
import pytest
from werkzeug.serving import make_server

from device_agent.errors import TrustError
from device_agent.update.trust.client import TrustClient
from device_agent.update.trust.store import MetadataStore
from fleet_server.auth import service as accounts
from fleet_server.auth.permissions import Role
from fleet_server.cli import main
from fleet_server.signing import apply, ceremony, change, keys, metadata, roles, status
from fleet_server.signing.director import Director
from fleet_server.signing.repository import Repository
from tests.support.directing import Asking, RootFiles, assigned, direct
from tests.support.repository import PASSWORD

PAGE = Path(__file__).resolve().parents[3] / "docs" / "runbooks" / "keys.md"


def blocks() -> dict[str, list[list[str]]]:
    """Return the commands of each block of the page, by section."""
    found = {}
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        found[title] = [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
    return found


def run_line(line: str) -> None:
    """Run one command in the current directory: our own in this process, others in a shell."""
    if line.startswith("fleet-server "):
        words = [os.path.expandvars(word) for word in shlex.split(line)[1:]]
        assert main(words) == 0, line
    else:
        subprocess.run(["bash", "-euc", line], check=True)
        if line.startswith("softhsm2-util"):  # on a person's machine each command is a process of its own
            pkcs11.lib(os.environ["PYKCS11LIB"]).reinitialize()


class Office:
    """The people, their server and two frames: one polls after each section, one lies in a drawer until the end."""

    def __init__(self, config, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.repository, self.director = Repository(config.tuf_dir), Director(config.tuf_dir)
        self._seconds = 0

    def section(self, title: str) -> None:
        for block in blocks()[title]:
            for line in block:
                run_line(line)

    def frame(self, name: str, now: datetime | None = None) -> TrustClient:
        root = (self.folder / "ceremony" / "frames" / "root.json").read_bytes()
        store = MetadataStore(self.folder / name)
        moment = now or datetime.now(UTC)
        return TrustClient(store, RootFiles(self.repository.metadata), root, now=lambda: moment)

    def poll(self, name: str = "frame") -> None:
        """The frame takes repository and director as they are now."""
        client = self.frame(name)
        client.refresh()
        assert client.target("releases/models/nano-1.0.0.json") is not None
        root = (self.folder / "ceremony" / "frames" / "director-root.json").read_bytes()
        asking = Asking(self.folder / f"{name}-director", self.director.roots, root)
        self._seconds += 1
        mine = assigned(1, "nano-1.0.0", counter=1)
        at = datetime.now(UTC) + timedelta(seconds=self._seconds)
        assert asking.ask(direct(self.director, mine, at=at)).assignment == mine

    def keyids(self) -> dict[str, set[str]]:
        """Which keys are trusted for what."""
        documents, _ = apply.published(self.repository, self.director)
        root, targets = documents[roles.ROOT].signed, documents[roles.TARGETS].signed
        director = documents[roles.DIRECTOR_ROOT].signed
        found = {role: set(entry.keyids) for role, entry in root.roles.items()}
        found |= {role: set(entry.keyids) for role, entry in targets.delegations.roles.items()}
        return found | {
            roles.DIRECTOR: set(director.roles["targets"].keyids),
            roles.DIRECTOR_ROOT: set(director.roles["root"].keyids),
        }


@pytest.fixture
def office(config, people, database, softhsm, *, tmp_path, monkeypatch):
    server = make_server("127.0.0.1", 0, people, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    with database.transaction() as session:
        monkeypatch.setenv("FLEET_TOKEN", accounts.create_token(session, "test", "tools", Role.RELEASE_MANAGER))
    monkeypatch.setenv("DATA", str(config.data_dir))
    monkeypatch.setenv("SERVER", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("KEY_PASSWORD", PASSWORD)
    monkeypatch.setenv("FLEET_HSM_PIN", "1234")
    folder = tmp_path / "office"
    folder.mkdir()
    (folder / "nano.lfm").write_bytes(b"a model")
    monkeypatch.chdir(folder)
    yield Office(config, folder)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def begun(office) -> Office:
    """A ceremony was held and a release is published."""
    office.section("Ceremony")
    office.section("Sign a release")
    office.poll()
    return office


def test_the_whole_page_runs_as_written_and_frames_follow(begun):
    for title in blocks():
        if title not in ("Ceremony", "Sign a release"):
            before = begun.keyids()
            begun.section(title)
            begun.poll()
            assert (begun.keyids() == before) is (title in KEEPS_KEYS)
    begun.poll("from a drawer")


KEEPS_KEYS = ("Renew", "Sign a release on machines of their own")
CHANGED = {
    "Rotate an online key": {"timestamp", "snapshot", "director"},
    "Rotate one role of one person": {"models"},
    "Replace a person, or keys that are lost": {*roles.OFFLINE},
    "Recover from stolen online keys": {"timestamp", "snapshot", "director"},
}


@pytest.mark.parametrize(("title", "changed"), CHANGED.items())
def test_a_section_replaces_the_keys_it_speaks_of_and_no_others(begun, title, changed):
    before = begun.keyids()
    begun.section(title)
    after = begun.keyids()
    assert {role for role in after if after[role] != before[role]} == changed
    assert all(len(after[role]) == len(before[role]) for role in after)


@pytest.mark.parametrize("role", roles.OFFLINE)
def test_every_role_of_a_person_can_be_rotated_alone(begun, role):
    before = begun.keyids()
    for line in blocks()["Rotate one role of one person"][0][:-1]:
        run_line(line.replace("models", role))
    after = begun.keyids()
    assert {name for name in after if after[name] != before[name]} == {role}
    begun.poll()


def test_after_a_theft_frames_forget_what_the_thief_signed(begun):
    thief = {role: keys.open_signer(begun.repository.keys / f"{role}.pem", None) for role in roles.SERVER_KEYS}
    show_far_ahead(begun, thief)
    begun.frame("frame").refresh()
    plant_unsigned_line(begun)
    with pytest.raises(TrustError):
        begun.frame("frame").target("releases/models/nano-1.0.0.json")

    begun.section("Recover from stolen online keys")
    begun.poll()
    begun.poll("from a drawer")

    show_far_ahead(begun, thief)
    with pytest.raises(TrustError):
        begun.frame("frame").refresh()


def show_far_ahead(office, thief):
    """What a thief of the two keys can make frames believe: a snapshot and timestamp of any number."""
    root, state = office.repository.root(), office.repository.state()
    snapshot = metadata.next_snapshot(2**40, state.documents, metadata.now())
    metadata.sign(snapshot, thief["snapshot"])
    data = metadata.dump(snapshot)
    timestamp = metadata.next_timestamp(2**40, 2**40, data, metadata.now())
    metadata.sign(timestamp, thief["timestamp"])
    assert root
    (office.repository.metadata / f"{2**40}.snapshot.json").write_bytes(data)
    (office.repository.metadata / "timestamp.json").write_bytes(metadata.dump(timestamp))


def plant_unsigned_line(office):
    """The thief serves a line of their own, which online keys cannot sign."""
    repository, state = office.repository, office.repository.state()
    line = metadata.parse(metadata.Targets, state.documents["models"])
    line.signed.version += 1
    line.signatures.clear()
    data = metadata.dump(line)
    repository.write(f"{line.signed.version}.models.json", data)
    documents = {**state.documents, "models": data}
    repository.sign_online(state.root, documents, 2**40 + 1, 2**40 + 1, metadata.now())


def test_one_signature_is_not_enough_and_nothing_is_half_applied(begun, capsys):
    before = begun.keyids()
    for line in blocks()["Rotate an online key"][0][:-2]:
        run_line(line)
    assert main(["keys", "apply", "--data", str(begun.config.data_dir), "change-timestamp"]) != 0
    assert "not signed" in capsys.readouterr().err
    assert begun.keyids() == before
    begun.poll()


def test_a_change_that_smuggles_a_release_is_not_signed(begun, capsys):
    for line in blocks()["Renew"][1][:1]:
        run_line(line)
    path = begun.folder / "change-renew" / "after" / "models.json"
    document = metadata.parse(metadata.Targets, path.read_bytes())
    document.signed.targets["models/evil/evil.tar"] = metadata.target("models/evil/evil.tar", 1, "0" * 64)
    path.write_bytes(metadata.dump(document))
    with pytest.raises(AssertionError):
        run_line(blocks()["Renew"][1][1])
    assert "do not sign it" in capsys.readouterr().err


def test_a_change_of_another_repository_is_not_signed(begun, tmp_path, capsys):
    ceremony.hold(tmp_path / "other", 3, 2, lambda person: PASSWORD)
    run_line(blocks()["Renew"][1][0])
    arguments = ["--keys", str(tmp_path / "other"), "--person", "1", "--password-env", "KEY_PASSWORD"]
    assert main(["keys", "sign", *arguments, "change-renew"]) != 0
    assert "do not sign" in capsys.readouterr().err


def test_people_see_whose_key_takes_whose_place(begun, capsys):
    for line in blocks()["Rotate one role of one person"][0][:2]:
        run_line(line)
    printed = capsys.readouterr().out
    assert re.search(r"models: takes [0-9a-f]{12} of person 2 for [0-9a-f]{12} of person 2", printed)
    assert "0 of 2 signatures" in printed


def test_applying_again_after_a_crash_ends_the_same(begun):
    for line in blocks()["Rotate an online key"][1]:
        run_line(line)
    once = begun.keyids()
    run_line(blocks()["Rotate an online key"][1][-1])
    assert begun.keyids() == once
    begun.poll()


def test_a_change_made_before_a_release_was_published_is_made_again(begun, capsys):
    block = blocks()["Renew"][1]
    for line in block[:3]:
        run_line(line)
    for line in blocks()["Sign a release"][0]:
        run_line(line.replace("nano-1.0.0", "nano-1.0.1").replace("--counter 1", "--counter 2"))
    with pytest.raises(AssertionError):
        run_line(block[3])
    assert "make the change again" in capsys.readouterr().err


def test_the_check_calls_out_a_week_before(begun, monkeypatch, capsys):
    run_line(blocks()["Renew"][0][0])
    assert "soon" not in capsys.readouterr().out
    found = {one.what: one for one in status.expiries(begun.config)}
    certificates = {"certificate of server", "certificate of ingest", "fleet CA"}
    assert found.keys() == {*roles.OFFLINE, *roles.ONLINE, *certificates}
    line = found["firmware"]
    week = timedelta(days=7)
    assert line not in status.soon(found.values(), line.expires - week)
    assert line in status.soon(found.values(), line.expires - week + timedelta(seconds=1))
    monkeypatch.setattr(metadata, "now", lambda: line.expires - timedelta(days=6))
    assert main(["keys", "status", "--data", str(begun.config.data_dir)]) == 3
    assert "soon: firmware expires" in capsys.readouterr().out
    assert main(["keys", "status", "--data", str(begun.config.data_dir), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    firmware = next(one for one in told["entries"] if one["what"] == "firmware")
    assert (told["v"], told["soon"], firmware["soon"], firmware["renewed_by"]) == (1, True, True, "people")
    assert firmware["days_left"] == 6.0


def test_a_change_of_nothing_says_so(begun, capsys):
    assert main(["keys", "change", "--data", str(begun.config.data_dir), "--out", "nothing"]) != 0
    assert "nothing changes" in capsys.readouterr().err
    with pytest.raises(Exception, match=r"is no change|missing"):
        change.load(begun.folder / "nothing")
