"""``frame-tuf-client``: the three commands by which TUF clients are compared, over real HTTP.

The situations are those that the public tuf-conformance suite and python-tuf's test_updater_fetch_target look at.
"""

import hashlib
import json
import subprocess
import sys

import pytest

from device_agent.errors import TrustError
from device_agent.update.tuf_client import build_parser, main
from tests.support.tuf_simulator import PAST, SimulatorServer

CONTENTS = {
    "standard": b"content",
    "åäö": b"more content",
    "a/b/c/file": b"in a folder",
    "empty": b"",
    "q?#%": b"odd",
}


class Client:
    """The command with its folders."""

    def __init__(self, folder, server) -> None:
        self.metadata, self.targets = folder / "metadata", folder / "targets"
        self._folder, self._server = folder, server

    def init(self, root: bytes) -> int:
        (self._folder / "given.json").write_bytes(root)
        return self._run("init", str(self._folder / "given.json"))

    def refresh(self) -> int:
        return self._run("--metadata-url", self._server.metadata_url, "refresh")

    def download(self, *names: str) -> int:
        wanted = [argument for name in names for argument in ("--target-name", name)]
        return self._run("--metadata-url", self._server.metadata_url, *wanted, "--target-base-url",
                         self._server.targets_url, "--target-dir", str(self.targets), "download")  # fmt: skip

    def downloaded(self) -> list[bytes]:
        return sorted(path.read_bytes() for path in self.targets.rglob("*") if path.is_file())

    def versions(self) -> dict[str, int]:
        return {
            path.stem: json.loads(path.read_bytes())["signed"]["version"] for path in self.metadata.glob("*.json")
        }

    def _run(self, *arguments: str) -> int:
        return main(["--metadata-dir", str(self.metadata), *arguments])


@pytest.fixture
def client(tmp_path, simulator):
    server = SimulatorServer(simulator)
    yield Client(tmp_path, server)
    server.stop()


@pytest.fixture
def ready(client, simulator) -> Client:
    """A client that was given the repository's first root."""
    assert client.init(simulator.roots[0]) == 0
    return client


def test_init_asks_nothing_and_refresh_brings_every_role(ready, simulator):
    assert simulator.asked == []
    assert ready.versions() == {"root": 1}
    assert ready.refresh() == 0
    assert simulator.asked == ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
    assert ready.versions() == {"root": 1, "timestamp": 1, "snapshot": 1, "targets": 1}


def test_a_download_refreshes_first(ready, simulator, capsys):
    assert ready.download("nothing") == 1
    assert "nothing" in capsys.readouterr().err
    assert ready.versions() == {"root": 1, "timestamp": 1, "snapshot": 1, "targets": 1}


@pytest.mark.parametrize("damage", [lambda signed: signed.pop("version"), lambda signed: signed.update(version=7)])
def test_a_root_that_is_not_what_its_keys_signed_asks_nothing(client, simulator, damage):
    root = json.loads(simulator.roots[0])
    damage(root["signed"])
    client.init(json.dumps(root).encode())
    assert client.refresh() == 1
    assert simulator.asked == []


def test_a_command_without_init_or_options_fails(client, simulator, capsys):
    assert client.refresh() == 1
    assert "init" in capsys.readouterr().err
    client.init(simulator.roots[0])
    assert main(["--metadata-dir", str(client.metadata), "refresh"]) == 1
    assert "--metadata-url" in capsys.readouterr().err


@pytest.mark.parametrize("consistent", [True, False])
def test_targets_of_any_name_arrive_whole(client, simulator, consistent):
    simulator.root.consistent_snapshot = consistent
    simulator.publish_root()
    for path, data in CONTENTS.items():
        simulator.add_file("targets", path, data)
    simulator.publish("targets")
    client.init(simulator.roots[0])
    assert client.download(*CONTENTS) == 0
    assert client.downloaded() == sorted(CONTENTS.values())


def test_what_is_there_with_the_signed_hash_is_not_fetched_again(ready, simulator):
    simulator.add_file("targets", "file", b"first")
    simulator.publish("targets")
    assert ready.download("file") == 0
    simulator.asked.clear()
    simulator.files["file"] = b"other"
    assert ready.download("file") == 0
    assert simulator.asked == ["2.root.json", "timestamp.json"]
    assert ready.downloaded() == [b"first"]


def test_a_newer_content_replaces_the_older(ready, simulator):
    for data in (b"first", b"second, longer"):
        simulator.add_file("targets", "file", data)
        simulator.publish("targets")
        assert ready.download("file") == 0
        assert ready.downloaded() == [data]


@pytest.mark.parametrize("served", [b"conten@", b"cont", b"content and more", None])
def test_other_bytes_than_the_signed_ones_are_not_put_among_the_targets(ready, simulator, served):
    simulator.add_file("targets", "file", b"content")
    simulator.publish("targets")
    if served is None:
        del simulator.files["file"]
    else:
        simulator.files["file"] = served
    assert ready.download("file") == 1
    assert ready.downloaded() == []


@pytest.mark.parametrize(
    ("algorithms", "decides"), [(["sha256"], "sha256"), (["sha512"], "sha512"), (["sha512", "sha256"], "sha256")]
)
def test_a_target_is_known_by_sha256_or_else_sha512(ready, simulator, algorithms, decides):
    simulator.add_file("targets", "a/file", b"content", algorithms)
    simulator.publish("targets")
    assert ready.download("a/file") == 0
    assert ready.downloaded() == [b"content"]
    assert simulator.asked[-1] == f"a/{hashlib.new(decides, b'content').hexdigest()}.file"
    asked = len(simulator.asked)
    assert ready.download("a/file") == 0
    assert not [name for name in simulator.asked[asked:] if name.endswith(".file")]


def test_sha512_refuses_other_bytes_too(ready, simulator):
    simulator.add_file("targets", "file", b"content", ["sha512"])
    simulator.publish("targets")
    simulator.files["file"] = b"conten@"
    assert ready.download("file") == 1
    assert ready.downloaded() == []


def test_a_target_with_no_known_hash_is_refused_unread(ready, simulator, capsys):
    simulator.add_file("targets", "file", b"content")
    simulator.targets.targets["file"].hashes = {"crc32": "00000000"}
    simulator.publish("targets")
    assert ready.download("file") == 1
    assert "crc32; expected one of sha256, sha512" in capsys.readouterr().err
    assert simulator.asked[-1] == "2.targets.json"
    assert ready.downloaded() == []


def test_a_frame_itself_installs_by_sha256_alone(frame, simulator):
    simulator.add_file("targets", "file", b"content", ["sha512"])
    simulator.publish("targets")
    with pytest.raises(TrustError, match="no sha256"):
        frame.client().target("file")


def test_one_call_judges_a_role_by_the_keys_of_each_delegator(ready, simulator):
    for name in "ab":
        simulator.delegate("targets", f"parent-{name}", [f"path-{name}"])
        simulator.delegate(f"parent-{name}", "release", [f"path-{name}"])
        simulator.add_file("release", f"path-{name}", name.encode())
    simulator.signers["release"] = simulator.signers["release"][:1]
    simulator.publish("targets")
    assert ready.download("path-a", "path-b") == 1
    assert ready.downloaded() == [b"a"]


def test_bins_hold_many_targets(ready, simulator):
    bins = simulator.delegate_bins(4)
    names = [f"target-{number}" for number in range(10)]
    for name in names:
        simulator.add_file(bins.get_role_for_target(name), name, name.encode())
    simulator.publish("targets")
    assert ready.download(*names) == 0
    assert ready.downloaded() == sorted(name.encode() for name in names)


@pytest.mark.parametrize("role", ["?", "#", "/delegated", "../delegated"])
def test_roles_of_unusual_names_are_asked_for_and_kept(ready, simulator, role):
    simulator.delegate("targets", role)
    simulator.publish("targets")
    assert ready.download("nothing") == 1
    assert len(ready.versions()) == 5


def test_an_expired_role_gives_no_target(ready, simulator):
    simulator.delegate("targets", "late", ["late/*"])
    simulator.delegated["late"].expires = PAST
    simulator.add_file("late", "late/file", b"late")
    simulator.publish("targets")
    assert ready.refresh() == 0
    assert ready.download("late/file") == 1
    assert ready.downloaded() == []


def test_the_program_takes_options_before_the_command(ready, simulator):
    command = [sys.executable, "-m", "device_agent.update.tuf_client", "--metadata-url", ready._server.metadata_url]
    command += ["--metadata-dir", str(ready.metadata), "refresh"]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
    assert ready.versions()["targets"] == 1
    assert "frame-tuf-client" in build_parser().format_help()
