"""Back to the model that the frame was shipped with."""

import shutil
from datetime import timedelta

import httpx
import pytest

from device_agent.cli import main
from device_agent.errors import ModelError
from device_agent.system import active_model, identity, lock
from device_agent.update.permission import Deed
from device_agent.update.program import frame_use
from frame_protocol.updates import ArtefactKind, UpdateState
from tests.crash.cuts import Recorded, cuts, found_after
from tests.crash.filesystem import load, store
from tests.crash.frame import CrashFrame, PromisedOutbox
from tests.crash.operations import Operation
from tests.crash.recorder import recording
from tests.crash.scenarios import scratch
from tests.support.frame import enrolled_home
from tests.support.tiny_models import make_model
from tests.support.updating import HEALTH, UpdatingFrame, failing, order

OUTBOX = ("outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite-shm", "outbox.sqlite.lock")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return [make_model(tmp_path_factory.mktemp("models"), seed) for seed in range(3)]


@pytest.fixture
def frame(published, served, tmp_path, models):
    """A frame that keeps the second of two releases."""
    for counter, model in enumerate(models[1:], start=1):
        published.publish(f"r{counter}", counter, [(ArtefactKind.MODEL, model.tar)], result=model.weights)
    frame = UpdatingFrame(tmp_path / "frame", served.url, published.root)
    for number in (1, 2):
        frame.assignment = order(number, f"r{number}")
        assert frame.poll().state is UpdateState.KEPT
    return frame


def test_a_reset_brings_the_shipped_model_and_later_releases_install_again(frame, models):
    assert frame.reset(models[0].tar).state is UpdateState.IDLE
    assert frame.active_weights() == models[0].weights
    assert frame.poll().state is UpdateState.IDLE
    frame.assignment = order(3, "r2")
    assert frame.poll().state is UpdateState.KEPT
    assert frame.active_weights() == models[2].weights


@pytest.mark.parametrize(
    ("deed", "end"), [(Deed.DOWNLOAD, "refused"), (Deed.INSTALL, "refused"), (Deed.ACTIVATE, "reverted")]
)
def test_a_reset_ends_an_open_order_and_says_so(frame, models, deed, end):
    frame.reset(models[0].tar)
    frame.assignment = order(4, "r2")
    frame.why_wait = lambda asked: "not now" if asked is deed else None
    frame.poll()
    assert frame.reset(models[0].tar).state is UpdateState.IDLE
    assert frame.reports()[-1] == ("r2", end)
    assert frame.reasons()[-1] == "factory reset"
    frame.why_wait = lambda asked: None
    assert frame.poll().state is UpdateState.IDLE
    assert frame.active_weights() == models[0].weights


@pytest.mark.parametrize("broken", ["package", "self-test"])
def test_a_shipped_model_that_does_not_hold_changes_nothing(frame, models, tmp_path, broken):
    if broken == "package":
        (tmp_path / "shipped").write_bytes(models[0].tar.read_bytes()[:-20_000])
    else:
        shutil.copyfile(models[0].tar, tmp_path / "shipped")
        frame.self_test = failing
    with pytest.raises(ModelError):
        frame.reset(tmp_path / "shipped")
    assert frame.active_weights() == models[2].weights
    assert frame.journal().state is UpdateState.KEPT


def test_whenever_the_power_goes_a_whole_model_runs_and_a_second_reset_ends_it(frame, published, models):
    before, operations = load(frame.home, leave_out=OUTBOX), list[Operation]()
    with scratch() as directory:
        crashed = CrashFrame(directory / "frame", published.repository.metadata.parent, published.root)
        store(before, crashed.home)
        with recording(crashed.home, operations):
            reset(crashed, models[0])
        recorded = Recorded("reset", before, tuple(operations), ())
        recorded.check_complete(load(crashed.home))
        seen = set()
        for cut, found in found_after(recorded, cuts(recorded, randoms=1), seed=1):
            if repr(found.tree) in seen:
                continue
            seen.add(repr(found.tree))
            shutil.rmtree(crashed.home)
            store(found.tree, crashed.home)
            assert crashed.running() in (models[0].weights, models[2].weights), cut
            with recording(crashed.home, []):
                reset(crashed, models[0])
            assert crashed.running() == models[0].weights
    assert len(seen) > 30


def reset(frame, shipped):
    with httpx.Client(transport=frame.network) as http:
        assert frame.start(http, PromisedOutbox([], [])).reset(shipped.tar).state is UpdateState.IDLE


def test_it_is_not_done_by_mistake(capsys):
    with pytest.raises(SystemExit):
        main(["update", "reset"])
    assert "--yes" in capsys.readouterr().err


def test_the_command_resets_an_enrolled_frame(authority, models, tmp_path, monkeypatch, capsys):
    home = enrolled_home(tmp_path / "home", authority, mqtt_port=1)
    monkeypatch.setenv("LIVEFRAME_HOME", str(home.root))
    monkeypatch.setattr("device_agent.engine.selftest.run_self_test", lambda directory: HEALTH)
    assert main(["update", "reset", "--yes", "--package", str(models[0].tar)]) == 0
    assert capsys.readouterr().out == "idle\n"
    assert active_model.read(active_model.folder(home)).weights_sha256 == models[0].weights


def test_what_the_frame_is_doing_is_read_from_the_frame(authority, tmp_path):
    home = enrolled_home(tmp_path / "home", authority, mqtt_port=1)
    assert not frame_use(home, identity.load(home)).playing
    with lock.playing(home):
        use = frame_use(home, identity.load(home))
    assert use.playing
    assert use.local.utcoffset() == timedelta(0)
