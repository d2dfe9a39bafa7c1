"""A model and its delta travel from people's keys to a frame that keeps them: every program real, none spared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sqlalchemy import select

from device_agent.engine import package
from device_agent.update import journal
from device_agent.update.delta_format import Factors, pack, write_factors
from device_agent.update.machine import MAX_TRIES
from device_agent.update.merge import merge_file
from fleet_server.auth.permissions import Role
from fleet_server.cli import main
from fleet_server.rollouts.models import StoredReport
from fleet_server.telemetry.models import UpdateStep
from frame_protocol.model_package import DELTA, MANIFEST, WEIGHTS, DeltaManifest, FileEntry
from frame_protocol.updates import UpdateState
from model_pipeline.cli import main as laboratory
from model_pipeline.songs.build import SHIPPED
from tests.device_agent.engine.conftest import face_models, hopper, toy_package  # noqa: F401  fixtures
from tests.support.repository import PASSWORD
from tests.support.running_fleet import RunningFleet
from tests.support.tiny_models import entry

PATIENCE_SECONDS = 240
WHOLE_WAY = ["downloading", "installed", "kept", "offered", "trying", "verified"]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFleet]:
    """A fleet server whose repository was begun by a key ceremony."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "password").write_text(PASSWORD)
    commands = [
        ["init", "--data", "data"],
        ["keys", "ceremony", "--out", "ceremony", "--password-file", "password"],
        ["keys", "install", "--data", "data", "--from", "ceremony"],
    ]
    for command in commands:
        subprocess.run([sys.executable, "-m", "fleet_server.cli", *command], check=True, cwd=folder)
    running = RunningFleet(folder / "data").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def people(fleet):
    """Release managers: build, two signatures, publish; then a rollout to one frame."""
    folder = fleet.data_dir.parent
    with fleet.api(Role.RELEASE_MANAGER) as api:
        (folder / "token").write_text(api.headers["Authorization"].removeprefix("Bearer "))
        yield People(folder, fleet.run["people_url"], api)


class People:
    def __init__(self, folder: Path, url: str, api) -> None:
        self.folder, self.url, self.api = folder, url, api

    def release(self, name: str, counter: int, artefact: str, *options: str) -> None:
        bundle, server = self.folder / f"{name}.bundle", ["--server", self.url, "--token-file", self.folder / "token"]
        root = self.folder / "ceremony" / "frames" / "root.json"
        self.run("build", *server, "--root", root, "--name", name, "--counter", counter, "--artefact", artefact,
                 *options, "--out", bundle)  # fmt: skip
        for person in (1, 3):
            keys = ["--keys", self.folder / "ceremony", "--password-file", self.folder / "password"]
            self.run("sign", *keys, "--person", person, bundle)
        self.run("publish", *server, bundle)

    def run(self, action: str, *arguments: object) -> None:
        assert main(["release", action, *map(str, arguments)]) == 0

    def roll_out(self, name: str, frame_id: str) -> int:
        answer = self.api.post("/api/v1/rollouts", json={"release": name, "frames": [frame_id]})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def wait_for(self, rollout: int, state: str) -> dict:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            shown = self.api.get(f"/api/v1/rollouts/{rollout}").json()
            if shown["counts"][state]:
                return shown
            assert time.monotonic() < deadline, shown
            time.sleep(0.2)


class Frame:
    """``device-agent`` in processes of its own."""

    def __init__(self, home: Path, fleet: RunningFleet, serial: str) -> None:
        self.home = home
        self.log = home.parent / f"{home.name}.log"
        self.environment = {**os.environ, "LIVEFRAME_HOME": str(home)}
        root = fleet.data_dir.parent / "ceremony" / "frames" / "root.json"
        enrolled = self.json("enrol", "--server", fleet.run["device_url"], "--claim-code", fleet.claim(), "--ca",
                             fleet.ca, "--trust-root", root, "--serial", serial, "--json")  # fmt: skip
        self.frame_id = enrolled["frame_id"]

    def json(self, *arguments: object) -> dict:
        command = [sys.executable, "-m", "device_agent.cli", *map(str, arguments)]
        return json.loads(subprocess.run(command, env=self.environment, check=True, capture_output=True).stdout)

    def start(self) -> subprocess.Popen:
        command = [sys.executable, "-m", "device_agent.cli", "run", "--poll-every", "1"]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)


@pytest.fixture
def frame(fleet, tmp_path, request):
    return Frame(tmp_path / "frame", fleet, f"SER-{abs(hash(request.node.name)) % 10**6}")


@pytest.fixture(scope="module")
def base_tar(toy_package, tmp_path_factory) -> Path:  # noqa: F811
    """The toy model as a package."""
    path = tmp_path_factory.mktemp("base") / "toy.tar"
    files = {str(file.relative_to(toy_package)): file for file in toy_package.rglob("*") if file.is_file()}
    pack(path, files.pop(MANIFEST).read_bytes(), files)
    return path


@pytest.fixture(scope="module")
def delta(toy_package, tmp_path_factory):  # noqa: F811
    """A delta to the toy model: (tar, hash before, hash after)."""
    folder = tmp_path_factory.mktemp("delta")
    manifest = package.load(toy_package).manifest
    random = np.random.default_rng(2)
    factors = Factors(
        down=random.integers(-127, 128, (2, 10)).astype(np.int8),
        up=random.integers(-127, 128, (12, 2)).astype(np.int8),
        mult=np.full(12, 700, np.int32),
        shift=18,
    )
    write_factors(folder / DELTA, {"toy": factors})
    result = merge_file(toy_package / WEIGHTS, {"toy": factors}, folder / "merged")
    made = DeltaManifest(
        kind="model_delta",
        model_id=f"toy-{result[:12]}",
        base_weights_sha256=manifest.weights_sha256,
        result_weights_sha256=result,
        files={DELTA: FileEntry(**entry(folder / DELTA))},
        rank=2,
        self_test=manifest.self_test,
    )
    pack(folder / "delta.tar", msgspec.json.encode(made), {DELTA: folder / DELTA})
    return folder / "delta.tar", manifest.weights_sha256, result


@pytest.fixture(scope="module")
def releases(people, base_tar, delta):
    """Both releases, published."""
    tar, before, after = delta
    people.release("toy-1", 1, f"model:{base_tar}", "--result-weights", before)
    people.release("toy-2", 2, f"model_delta:{tar}", "--requires-base", before, "--result-weights", after)


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait(30)


def stored_states(fleet, frame_id):
    with fleet.database.reading() as session:
        steps = session.scalars(select(UpdateStep).where(UpdateStep.frame_id == frame_id)).all()
        reports = session.execute(select(StoredReport.order_id, StoredReport.state)).all()
    assert all(step.verified for step in steps)
    orders = {step.order_id for step in steps}
    return sorted(state for order, state in reports if order in orders), len(steps)


def tries(frame) -> int:
    """How often the version that is being tried was started."""
    found = journal.load(frame.home / "update" / "journal.json")
    return found.order.tries if found.state is UpdateState.TRYING else 0


def test_a_model_and_then_its_delta_are_kept_and_the_server_knows(fleet, people, releases, frame, delta):
    agent = frame.start()
    try:
        people.wait_for(people.roll_out("toy-1", frame.frame_id), "kept")
        shown = people.wait_for(people.roll_out("toy-2", frame.frame_id), "kept")
    finally:
        stop(agent)
    assert shown["state"] == "finished"
    assert package.verify((frame.home / "models" / "active").resolve()).weights_sha256 == delta[2]
    assert stored_states(fleet, frame.frame_id) == (sorted(WHOLE_WAY * 2), 12)
    status = frame.json("update", "status", "--json")
    assert (status["state"], status["kept_counters"], status["weights_sha256"]) == ("kept", {"models": 2}, delta[2])


def test_songs_travel_from_a_folder_to_a_frame_that_knows_when_they_play(fleet, people, releases, frame, tmp_path):
    assert laboratory(["song-pack", "--from", str(SHIPPED / "christmas"), "--out", str(tmp_path / "songs.lfs")]) == 0
    people.release("songs-1", 1, f"content:{tmp_path / 'songs.lfs'}", "--line", "seasonal",
                   "--requires-counter", "models:1")  # fmt: skip
    assert frame.json("content", "--json")["packs"] == []
    agent = frame.start()
    try:
        rollout = people.roll_out("songs-1", frame.frame_id)
        people.wait_for(people.roll_out("toy-1", frame.frame_id), "kept")
        people.wait_for(rollout, "kept")
    finally:
        stop(agent)
    (pack,) = frame.json("content", "--json")["packs"]
    assert (pack["pack"], pack["songs"][0]["titles"]["zh-Hans"]) == ("christmas", "铃儿摇摇")
    assert datetime.fromisoformat(pack["songs"][0]["next_play"]) > datetime.now(UTC)
    status = frame.json("update", "status", "--json")
    assert status["kept_counters"] == {"models": 1, "seasonal": 1}


def test_an_agent_killed_again_and_again_keeps_both_and_reports_each_state_once(
    fleet, people, releases, frame, delta
):
    """kill -9 of the agent and its update process together, at random moments of both updates.

    A version is started three times at most before it must pass its self-test, so its last start is spared.
    """
    random = np.random.default_rng(6)
    rollout = people.roll_out("toy-1", frame.frame_id)
    for name in ("toy-1", "toy-2"):
        for _ in range(6):
            agent = frame.start()
            time.sleep(float(random.uniform(0.6, 2.6)))
            os.killpg(agent.pid, signal.SIGKILL)
            agent.wait(30)
            if tries(frame) >= MAX_TRIES - 1:
                break
        agent = frame.start()
        try:
            people.wait_for(rollout, "kept")
            if name == "toy-1":
                rollout = people.roll_out("toy-2", frame.frame_id)
        finally:
            stop(agent)
    assert package.verify((frame.home / "models" / "active").resolve()).weights_sha256 == delta[2]
    assert stored_states(fleet, frame.frame_id) == (sorted(WHOLE_WAY * 2), 12)
