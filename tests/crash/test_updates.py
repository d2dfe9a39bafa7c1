"""A sample of ``make crash``: the power is cut everywhere, once and twice; and the harness finds what is broken."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from device_agent.system import files
from device_agent.update.updater import Updater
from frame_protocol.updates import UpdateState
from tests.crash import operations as ops
from tests.crash.cuts import cuts
from tests.crash.double import Double, found_after_two
from tests.crash.judge import judge
from tests.crash.losses import EVERYTHING
from tests.crash.run import cut_once, cut_twice
from tests.crash.scenarios import World, scratch

SEED = 1
KINDS = (
    "first", "full", "delta", "rollback", "refusal", "songs", "content", "set", "set-rollback", "waiting", "commit",
    "removal",
)  # fmt: skip
DOUBLES = 25
FEWEST_POINTS = 100


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with scratch() as directory:
        yield World(directory)


def test_every_kind_is_tested(world):
    assert tuple(world.scenarios) == KINDS


def test_what_the_frame_trusted_of_its_director_is_recorded_too(world):
    for scenario in world.scenarios.values():
        assert ops.Rename("update/director/targets.json.new", "update/director/targets.json") in scenario.operations


@pytest.mark.parametrize("kind", KINDS)
def test_whenever_the_power_goes_the_update_ends_as_it_would_have(world, kind):
    scenario = world.scenarios[kind]
    tally = cut_once(world, scenario, cuts(scenario, randoms=1), SEED)
    assert tally.failures == []
    assert tally.points > FEWEST_POINTS


@pytest.mark.parametrize("kind", KINDS)
def test_whenever_it_goes_twice_too(world, kind):
    assert cut_twice(world, world.scenarios[kind], range(DOUBLES), SEED).failures == []


def without(scenario, *gone):
    """The same recording of a program that forgets some operations."""
    left = tuple(operation for operation in scenario.operations if not isinstance(operation, gone))
    return replace(scenario, operations=left)


@pytest.mark.parametrize("gone", [ops.SyncFile, ops.SyncDirectory])
def test_a_program_that_does_not_sync_is_found_out(world, gone):
    forgetful = without(world.scenarios["delta"], gone)
    assert cut_once(world, forgetful, cuts(forgetful, randoms=0), SEED).failures


def failures_if_everything_unsynced_is_lost(world, scenario):
    wanted = [cut for cut in cuts(scenario, randoms=0) if cut.loss == "everything"]
    return cut_once(world, scenario, wanted, SEED).failures


def test_a_download_whose_name_is_lost_does_not_hold_the_frame_in_verified_for_ever(world, monkeypatch):
    """A fault that these tests found. Two things keep it away now, and each is enough: the name is synced, and what
    rested in ``verified`` is compared again, and fetched again if it is not there."""
    scenario = world.scenarios["full"]
    sync = ops.SyncDirectory("update/downloads")
    assert sync in scenario.operations
    forgetful = replace(
        scenario, operations=tuple(operation for operation in scenario.operations if operation != sync)
    )
    assert failures_if_everything_unsynced_is_lost(world, forgetful) == []
    fetch = Updater._fetch
    monkeypatch.setattr(
        Updater, "_fetch", lambda self, order: self.journal.state is UpdateState.VERIFIED or fetch(self, order)
    )
    assert failures_if_everything_unsynced_is_lost(world, scenario) == []
    assert any("downloads" in failure for failure in failures_if_everything_unsynced_is_lost(world, forgetful))


def killed_after_the_swap_and_cut_at_the_end(world, scenario):
    """The program dies between the swap of the link and its sync; the next start ends the update; power goes."""
    swap = scenario.operations.index(ops.Rename("models/active.new", "models/active"))
    double = Double(swap + 1, None, online=True, second=lambda operations: operations, lost_then=EVERYTHING)
    return judge(scenario, found_after_two(scenario, double, world.new_home), world.new_home)


def test_a_start_that_trusts_what_a_killed_one_left_unsynced_is_found_out(world, monkeypatch):
    """A fault that these tests found: the frame reported ``kept``, lost the swap and ran the old version."""
    scenario = world.scenarios["full"]
    assert killed_after_the_swap_and_cut_at_the_end(world, scenario) is None
    monkeypatch.setattr(files, "settle", lambda directory: None)
    assert "reported kept" in killed_after_the_swap_and_cut_at_the_end(world, scenario)


def test_a_failure_names_the_point_and_comes_back(world):
    forgetful = without(world.scenarios["delta"], ops.SyncDirectory)
    points = cuts(forgetful, randoms=1)[-200:]
    failures = cut_once(world, forgetful, points, SEED).failures
    number = int(failures[-1].partition("--point ")[2].split()[0])
    assert cut_once(world, forgetful, cuts(forgetful, randoms=1)[number : number + 1], SEED).failures == failures[-1:]
