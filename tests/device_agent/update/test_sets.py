"""Song packs, and releases of several artefacts: installed together, kept together, undone together."""

import itertools
from pathlib import Path

import pytest

from device_agent.system import disk
from device_agent.update import song_packs
from device_agent.update.permission import Deed
from frame_protocol.updates import ArtefactKind, Line, UpdateState
from tests.support.songs import write_pack
from tests.support.tiny_models import make_delta, make_model
from tests.support.updating import HEALTH, UpdatingFrame, failing, order

KEPT, REFUSED, REVERTED = UpdateState.KEPT, UpdateState.REFUSED, UpdateState.REVERTED


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def delta(tmp_path_factory, base):
    return make_delta(tmp_path_factory.mktemp("delta"), base)


class Fleet:
    """Publishes releases and lets a frame poll for each at once."""

    def __init__(self, published, url: str, folder: Path) -> None:
        self.published = published
        self.folder = folder
        self.frame = UpdatingFrame(folder / "frame", url, published.root)
        self._numbers = itertools.count(1)
        self._counters = dict.fromkeys(Line, 0)

    def publish(self, line: Line, *artefacts, **more) -> str:
        self._counters[line] += 1
        name = f"{line}-{self._counters[line]}"
        self.published.publish(name, self._counters[line], artefacts, line=line, **more)
        return name

    def offer(self, line: Line, name: str) -> UpdateState:
        self.frame.assignment = order(next(self._numbers), name, line=line)
        return self.frame.poll().state

    def models(self, *artefacts, **more) -> UpdateState:
        return self.offer(Line.MODELS, self.publish(Line.MODELS, *artefacts, **more))

    def songs(self, *artefacts, **more) -> UpdateState:
        return self.offer(Line.SEASONAL, self.publish(Line.SEASONAL, *artefacts, **more))

    def pack(self, pack: str = "christmas", version: int = 1, **more):
        return ArtefactKind.CONTENT, write_pack(self.folder / "packs", pack, version, **more)

    def installed(self) -> dict[str, int]:
        """Version by name of the packs that are active, each read from its file."""
        active = self.frame.home / "content" / "active"
        return {pack.pack: pack.version for pack in song_packs.read_all(active.resolve())} if active.exists() else {}


@pytest.fixture
def fleet(published, served, tmp_path) -> Fleet:
    return Fleet(published, served.url, tmp_path)


@pytest.fixture
def singing(fleet, base) -> Fleet:
    """A frame with a model and one pack."""
    assert fleet.models((ArtefactKind.MODEL, base.tar), result=base.weights) is KEPT
    assert fleet.songs(fleet.pack()) is KEPT
    return fleet


def test_a_song_pack_is_installed_and_the_model_stays(singing, base):
    assert singing.installed() == {"christmas": 1}
    assert singing.frame.active_weights() == base.weights
    journal = singing.frame.journal()
    assert journal.kept_counters == {Line.MODELS: 1, Line.SEASONAL: 1}
    assert journal.order.weights_sha256 == base.weights


def test_a_frame_without_a_model_takes_songs_too(fleet):
    assert fleet.songs(fleet.pack()) is KEPT
    assert (fleet.installed(), fleet.frame.active_weights()) == ({"christmas": 1}, None)


def test_packs_live_beside_each_other_and_a_newer_version_takes_the_place_of_the_old(singing):
    assert singing.songs(singing.pack("birthday", 7), singing.pack("christmas", 2)) is KEPT
    assert singing.installed() == {"birthday": 7, "christmas": 2}


def test_an_older_version_is_refused_and_so_is_the_same_with_another_content(singing):
    assert singing.songs(singing.pack(version=3)) is KEPT
    assert singing.songs(singing.pack(version=2)) is REFUSED
    assert singing.songs(singing.pack(version=3, schedule=[])) is REFUSED
    assert singing.frame.reasons() == [
        "the song pack christmas came as version 2; version 3 is installed",
        "the song pack christmas came as version 3; version 3 is installed",
    ]
    assert singing.songs(singing.pack(version=3)) is KEPT
    assert singing.installed() == {"christmas": 3}


def test_a_pack_without_songs_takes_the_pack_away_and_keeps_older_ones_out(singing):
    assert singing.songs(singing.pack(version=2, songs=[])) is KEPT
    assert singing.songs(singing.pack(version=1)) is REFUSED
    assert singing.songs(singing.pack(version=3)) is KEPT


def test_a_model_and_a_pack_that_belong_together_are_kept_together(singing, delta):
    changed = (ArtefactKind.MODEL_DELTA, delta.tar)
    state = singing.songs(changed, singing.pack(version=2), base=delta.base, result=delta.result)
    assert (state, singing.frame.active_weights(), singing.installed()) == (KEPT, delta.result, {"christmas": 2})
    assert [state for release, state in singing.frame.reports() if release == "seasonal-2"].count("kept") == 1


def test_what_belongs_together_goes_back_together(singing, base, delta):
    singing.frame.self_test = failing
    state = singing.songs((ArtefactKind.MODEL_DELTA, delta.tar), singing.pack(version=2), result=delta.result)
    assert (state, singing.frame.active_weights(), singing.installed()) == (REVERTED, base.weights, {"christmas": 1})


def test_one_bad_artefact_is_enough_to_install_none(singing, base, delta):
    older = singing.pack(version=1, schedule=[])
    state = singing.songs((ArtefactKind.MODEL_DELTA, delta.tar), older, result=delta.result)
    assert (state, singing.frame.active_weights(), singing.installed()) == (REFUSED, base.weights, {"christmas": 1})
    lying = singing.songs((ArtefactKind.MODEL_DELTA, delta.tar), singing.pack(version=2), result="e" * 64)
    assert (lying, singing.frame.active_weights(), singing.installed()) == (REFUSED, base.weights, {"christmas": 1})


def test_the_first_songs_that_go_back_leave_none(fleet, base, delta):
    assert fleet.models((ArtefactKind.MODEL, base.tar), result=base.weights) is KEPT
    fleet.frame.self_test = failing
    assert fleet.songs((ArtefactKind.MODEL_DELTA, delta.tar), fleet.pack(), result=delta.result) is REVERTED
    assert fleet.installed() == {}


def test_a_pack_that_has_suffered_does_not_stand_in_the_way_of_its_successor(singing):
    assert singing.songs(singing.pack("birthday")) is KEPT
    active = (singing.frame.home / "content" / "active").resolve()
    (active / "christmas.json").write_bytes(b"rot")
    assert singing.songs(singing.pack("birthday", 2)) is KEPT
    assert singing.installed() == {"birthday": 2}
    assert singing.songs(singing.pack(version=1)) is KEPT
    assert singing.installed() == {"birthday": 2, "christmas": 1}


def test_a_release_that_needs_another_line_waits_for_a_new_order_after_it(fleet, base):
    assert fleet.songs(fleet.pack(), counters={Line.MODELS: 1}) is REFUSED
    assert fleet.frame.reasons() == ["needs counter 1 of models first; this frame has 0"]
    assert fleet.models((ArtefactKind.MODEL, base.tar), result=base.weights) is KEPT
    assert fleet.offer(Line.SEASONAL, "seasonal-1") is KEPT


def test_a_step_must_be_passed_through_whatever_the_server_says(fleet):
    fleet.publish(Line.SEASONAL, fleet.pack(version=1))
    fleet.publish(Line.SEASONAL, fleet.pack(version=2), step=True)
    fleet.publish(Line.SEASONAL, fleet.pack(version=3))
    assert fleet.offer(Line.SEASONAL, "seasonal-3") is REFUSED
    assert fleet.offer(Line.SEASONAL, "seasonal-2") is KEPT
    assert fleet.offer(Line.SEASONAL, "seasonal-3") is KEPT


def test_a_reset_takes_the_packs_away(singing, base):
    singing.frame.reset(base.tar)
    assert singing.installed() == {}
    assert singing.songs(singing.pack(version=1)) is KEPT


def test_what_has_begun_to_be_swapped_does_not_wait_for_the_night(singing, delta, monkeypatch):
    """A cut between the swaps of two links: the window may have closed when the power comes back."""
    rename = disk.rename

    def cut_after_the_model(old: Path, new: Path) -> None:
        rename(old, new)
        if new.name == "active" and new.parent.name == "models":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(disk, "rename", cut_after_the_model)
        singing.songs((ArtefactKind.MODEL_DELTA, delta.tar), singing.pack(version=2), result=delta.result)
    assert singing.frame.journal().state is UpdateState.INSTALLED
    assert (singing.frame.active_weights(), singing.installed()) == (delta.result, {"christmas": 1})
    singing.frame.why_wait = lambda deed: "not now" if deed is Deed.ACTIVATE else None
    assert singing.frame.poll().state is KEPT
    assert singing.installed() == {"christmas": 2}


def test_a_self_test_is_not_asked_of_a_model_that_did_not_change(singing):
    singing.frame.self_test = failing
    assert singing.songs(singing.pack(version=2)) is KEPT
    singing.frame.self_test = lambda directory: HEALTH
