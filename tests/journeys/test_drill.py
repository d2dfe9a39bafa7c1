"""The drill: somebody has the server, its database and all online keys. Then the people take it back.

Fifty frames here, a thousand with ``make drill``. Every frame is a home on the disk with the real updater, trust
client and fetcher; what the thief does is what a program with the server's files and keys can do.
"""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from device_agent.update import journal as journals
from fleet_server.signing import apply, ceremony, change, metadata, roles
from frame_protocol.updates import ArtefactKind, Line
from tests.support.attacked import AttackedFrame, World
from tests.support.directing import Asking
from tests.support.repository import PASSWORD, hold_ceremony
from tests.support.tiny_models import make_model

ROOTS_BEHIND = 10


@pytest.fixture(scope="module")
def ceremony_dir(tmp_path_factory) -> Path:
    return hold_ceremony(tmp_path_factory.mktemp("keys") / "ceremony")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return [make_model(tmp_path_factory.mktemp(f"model-{seed}"), seed) for seed in range(4)]


@pytest.fixture
def world(tmp_path, ceremony_dir, monkeypatch):
    """The power stays on in this drill: nothing waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    made = World(tmp_path, ceremony_dir)
    yield made
    made.stop()


class DrilledFrame(AttackedFrame):
    """One of many: a copy of a home, with an id of its own."""

    def __init__(self, number: int, world: World, home: Path) -> None:
        root = (world.ceremony / "frames" / "director-root.json").read_bytes()
        asking = Asking(home / "update" / "director", world.director.roots, root)
        super().__init__(home, world.served.url, world.published.root, asking)
        self.frame_id = f"frame-{number:04d}"

    def ask(self):
        return self.asking.ask(self.answer, self.frame_id)

    def kept(self) -> int:
        """The counter of what this frame keeps."""
        return journals.load(self.home / "update" / "journal.json").kept_counters.get(Line.MODELS, 0)


def fleet_of(number: int, world: World, folder: Path) -> list[DrilledFrame]:
    """Return frames that keep what the world's frame keeps."""
    frames = []
    for index in range(number):
        shutil.copytree(world.frame.home, folder / f"{index:04d}", symlinks=True)
        frames.append(DrilledFrame(index, world, folder / f"{index:04d}"))
    return frames


def order_all(world: World, frames, built, number: int, **more) -> None:
    """Let the director's key order a release for every frame, and each frame poll."""
    for frame in frames:
        world.frame = frame
        world.update(world.order(built, number, frame=frame.frame_id, **more))


def evil_release(world: World, models):
    """Software of the thief, signed with every key that the server has."""
    built = world.published.build("evil", 3, [(ArtefactKind.MODEL, models[2].tar)])
    return world.sign_with_online_keys(built)


def far_ahead(world: World) -> None:
    """Snapshot and timestamp at the end of all numbers, by the real keys."""
    state = world.published.repository.state()
    world.published.repository.sign_online(state.root, state.documents, 2**40, 2**40, metadata.now())


def own_root(world: World) -> None:
    """A next root that names the thief's keys for everything, signed with what there is."""
    root = metadata.parse(metadata.Root, world.published.root)
    root.signed.version = 2
    root.signatures.clear()
    for role in roles.SERVER_KEYS:
        path = world.published.config.tuf_dir / "keys" / f"{role}.pem"
        signer = apply.keys.open_signer(path, None)
        for name in root.signed.roles:
            root.signed.add_key(signer.public_key, name)
        metadata.sign(root, signer)
    (world.published.repository.metadata / "2.root.json").write_bytes(metadata.dump(root))


def take_back(world: World, number: int, folder: Path) -> None:
    """What docs/runbooks/keys.md says, again and again: new online keys, signed by two people, applied."""
    repository, director = world.published.repository, world.director
    apply.restore(repository, metadata.now())
    for turn in range(number):
        public = folder / f"new-{turn}.json"
        public.write_bytes(apply.new_online_keys(repository, roles.SERVER_KEYS, {}))
        before, chains = apply.published(repository, director)
        replaced = [apply.read_public_keys(public)]
        made = change.build(before, chains, replaced, metadata.now(), folder / f"change-{turn}", renew=False)
        for person in (1, 3):
            change.sign(made, ceremony.person_directory(world.ceremony, person), PASSWORD)
        apply.apply(repository, director, change.load(made.directory), metadata.now() + timedelta(seconds=turn))


@pytest.mark.parametrize("number", [50, pytest.param(1000, marks=pytest.mark.long)])
def test_a_thief_of_the_whole_server_installs_nothing_and_is_thrown_out(world, models, tmp_path, number):
    old = world.release("one", 1, models[0].tar)
    world.keep(old)
    world.keep(world.release("two", 2, models[1].tar))
    frames = fleet_of(number, world, tmp_path / "fleet")

    evil = evil_release(world, models)
    world.plant(evil)
    order_all(world, frames, evil, 10)
    order_all(world, frames, old, 11)
    order_all(world, frames, old, 12, counter=99)
    own_root(world)
    far_ahead(world)
    order_all(world, frames, evil, 13)
    assert [frame.kept() for frame in frames] == [2] * number
    assert {frame.active_weights() for frame in frames} == {models[1].weights}

    (world.published.repository.metadata / "2.root.json").unlink()
    take_back(world, ROOTS_BEHIND, tmp_path)
    new = world.release("three", 3, models[3].tar)
    order_all(world, frames, new, 20)
    assert [frame.kept() for frame in frames] == [3] * number
    assert {frame.active_weights() for frame in frames} == {models[3].weights}
    roots = {len(list((frame.home / "update" / "trust" / "root_history").iterdir())) for frame in frames}
    assert roots == {1 + ROOTS_BEHIND}
