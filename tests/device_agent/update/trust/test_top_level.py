"""Root, timestamp, snapshot and targets: what is taken, what is refused, and what stays trusted afterwards.

The situations are those of python-tuf's updater tests (test_updater_top_level_update, its consistent snapshots and
its validation), each said for our client and store.
"""

from datetime import timedelta

import pytest
from tuf.api.metadata import Metadata

from device_agent.errors import TrustError
from device_agent.update.trust.client import Bounds
from tests.support.tuf_simulator import LATER, NOW, PAST, TOP_LEVEL

ALL_FIRST = dict.fromkeys(TOP_LEVEL, 1)
FIRST_REFRESH = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]


def refused(frame, match=None, **client):
    with pytest.raises(TrustError, match=match):
        frame.client(**client).refresh()


def test_the_first_refresh_fetches_and_keeps_each_role(frame, simulator):
    frame.client().refresh()
    assert simulator.asked == FIRST_REFRESH
    assert frame.versions() == ALL_FIRST
    for role in TOP_LEVEL:
        assert (frame.directory / f"{role}.json").read_bytes() == simulator.current(role)


def test_a_refresh_without_news_asks_only_for_root_and_timestamp(frame, simulator):
    frame.client().refresh()
    simulator.asked.clear()
    frame.client().refresh()
    assert simulator.asked == ["2.root.json", "timestamp.json"]


def test_without_consistent_snapshots_names_have_no_versions(simulator, make_frame):
    simulator.root.consistent_snapshot = False
    simulator.publish_root()
    make_frame().client().refresh()
    assert simulator.asked == [
        "2.root.json",
        "3.root.json",
        "timestamp.json",
        "snapshot.json",
        "targets.json",
    ]


def test_unknown_fields_are_part_of_what_is_signed(frame, simulator):
    simulator.root.unrecognized_fields["custom-field"] = "value"
    keyid = simulator.root.roles["root"].keyids[0]
    simulator.root.keys[keyid].unrecognized_fields["keyid_hash_algorithms"] = ["md5"]
    simulator.root.roles["root"].unrecognized_fields["another-field"] = {"a": 1}
    simulator.publish_root()
    frame.client().refresh()
    assert frame.versions()["root"] == 2


# Root.


def test_the_whole_chain_of_roots_is_walked(frame, simulator):
    for _ in range(3):
        simulator.publish_root()
    frame.client().refresh()
    assert frame.versions()["root"] == 4


def test_no_more_roots_than_the_bound_are_walked_in_one_refresh(frame, simulator):
    for _ in range(6):
        simulator.publish_root()
    frame.client(bounds=Bounds(root_rotations=3)).refresh()
    assert frame.versions()["root"] == 4


def test_an_expired_root_in_between_does_not_matter(frame, simulator):
    simulator.root.expires = PAST
    simulator.publish_root()
    simulator.root.expires = LATER
    simulator.publish_root()
    frame.client().refresh()
    assert frame.versions()["root"] == 3


def test_an_expired_last_root_is_kept_and_stops_the_refresh(frame, simulator):
    simulator.root.expires = PAST
    simulator.publish_root()
    refused(frame, "expired")
    assert frame.versions() == {"root": 2}
    simulator.root.expires = LATER
    simulator.publish_root()
    frame.client().refresh()
    assert frame.versions() == {**ALL_FIRST, "root": 3}


@pytest.mark.parametrize("later_root", [True, False])
def test_an_unsigned_root_ends_the_walk_at_the_one_before(frame, simulator, later_root):
    simulator.publish_root()
    good = simulator.signers["root"]
    simulator.signers["root"] = []
    simulator.publish_root()
    simulator.signers["root"] = good
    if later_root:
        simulator.publish_root()
    refused(frame, "sign")
    assert frame.versions() == {"root": 2}


@pytest.mark.parametrize("step", [0, 2])
def test_a_root_of_another_number_than_the_next_is_refused(frame, simulator, step):
    simulator.root.version += step
    simulator.publish_root(bump=False)
    refused(frame, "version")
    assert frame.versions() == {"root": 1}


def test_known_roots_are_not_fetched_again(frame, simulator):
    simulator.publish_root()
    simulator.publish_root()
    frame.client().refresh()
    simulator.asked.clear()
    frame.client().refresh()
    assert simulator.asked == ["4.root.json", "timestamp.json"]


def test_a_stored_root_that_was_tampered_with_is_fetched_again(frame, simulator):
    simulator.publish_root()
    simulator.publish_root()
    frame.client().refresh()
    path = frame.directory / "root_history" / "2.root.json"
    poisoned = Metadata.from_file(str(path))
    poisoned.signatures.clear()
    poisoned.to_file(str(path))
    simulator.asked.clear()
    frame.client().refresh()
    assert simulator.asked == ["2.root.json", "4.root.json", "timestamp.json"]


def test_a_factory_root_that_is_not_signed_asks_nothing(make_frame, simulator):
    simulator.signers["root"] = []
    simulator.roots.clear()
    simulator.publish_root(bump=False)
    refused(make_frame(), "sign")
    assert simulator.asked == []


# Unsigned, expired, other version: the role is refused and those before it are kept.

KEPT_BEFORE = {"timestamp": {"root"}, "snapshot": {"root", "timestamp"}, "targets": {"root", "timestamp", "snapshot"}}


@pytest.mark.parametrize("role", KEPT_BEFORE)
def test_an_unsigned_role_is_refused(frame, simulator, role):
    simulator.signers[role] = []
    refused(frame, "sign")
    assert set(frame.versions()) == KEPT_BEFORE[role]


@pytest.mark.parametrize("role", KEPT_BEFORE)
def test_an_expired_role_is_refused(frame, simulator, role):
    getattr(simulator, role).expires = PAST
    simulator.update_snapshot()
    refused(frame, "expired")
    assert set(frame.versions()) == KEPT_BEFORE[role] | ({"snapshot"} if role == "targets" else set())


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_another_version_than_the_one_named_is_refused(frame, simulator, role):
    getattr(simulator, role).version += 1
    refused(frame, "got")
    assert set(frame.versions()) == KEPT_BEFORE[role]


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_other_bytes_than_the_ones_named_are_refused(frame, simulator, role):
    simulator.with_hashes = True
    simulator.update_snapshot()
    frame.client().refresh()
    simulator.publish("targets")
    getattr(simulator, role).unrecognized_fields["smuggled"] = "in"
    refused(frame)
    assert frame.versions()[role] == (2 if role == "snapshot" else 1)


def test_hashes_may_come_and_go(frame, simulator):
    for simulator.with_hashes in (True, False):
        simulator.update_snapshot()
        frame.client().refresh()
    assert (frame.versions()["timestamp"], frame.versions()["snapshot"]) == (3, 3)


@pytest.mark.parametrize(
    "bounds",
    [Bounds(root_bytes=100), Bounds(timestamp_bytes=100), Bounds(snapshot_bytes=100), Bounds(targets_bytes=100)],
)
def test_no_more_than_its_bound_is_asked_of_any_role(frame, simulator, bounds):
    simulator.publish_root()
    refused(frame, "longer than 100", bounds=bounds)


# Going back.


def test_an_older_timestamp_is_refused(frame, simulator):
    simulator.update_timestamp()
    frame.client().refresh()
    simulator.timestamp.version = 1
    refused(frame, "version")
    assert frame.versions()["timestamp"] == 2


def test_a_timestamp_changed_under_its_old_number_is_ignored(frame, simulator):
    frame.client().refresh()
    simulator.timestamp.snapshot_meta.version = 100
    frame.client().refresh()
    stored = Metadata.from_file(str(frame.directory / "timestamp.json"))
    assert stored.signed.snapshot_meta.version == 1


@pytest.mark.parametrize("with_hashes", [True, False])
def test_a_timestamp_that_names_an_older_snapshot_is_refused(frame, simulator, with_hashes):
    simulator.with_hashes = with_hashes
    simulator.update_snapshot()
    frame.client().refresh()
    simulator.snapshot.version = 1
    simulator.update_timestamp()
    refused(frame, "version")
    assert (frame.versions()["timestamp"], frame.versions()["snapshot"]) == (2, 2)


@pytest.mark.parametrize("with_hashes", [True, False])
def test_a_snapshot_that_names_older_targets_is_refused(frame, simulator, with_hashes):
    simulator.with_hashes = with_hashes
    simulator.publish("targets")
    frame.client().refresh()
    simulator.targets.version = 1
    simulator.update_snapshot()
    refused(frame, "version")
    assert (frame.versions()["snapshot"], frame.versions()["targets"]) == (2, 2)


def test_a_snapshot_that_no_longer_names_a_role_is_refused(frame, simulator):
    simulator.delegate("targets", "gone")
    simulator.publish("targets")
    frame.client().refresh()
    del simulator.snapshot.meta["gone.json"]
    simulator.snapshot.version += 1
    simulator.update_timestamp()
    refused(frame, "gone")


@pytest.mark.parametrize("rolled_back", ["timestamp", "snapshot"])
def test_what_expired_meanwhile_still_guards_against_going_back(frame, simulator, rolled_back):
    simulator.timestamp.expires = NOW + timedelta(days=7)
    simulator.update_snapshot()
    simulator.update_snapshot()
    frame.client().refresh()
    simulator.timestamp.expires = NOW + timedelta(days=21)
    if rolled_back == "snapshot":
        simulator.snapshot.version = 1
        simulator.update_snapshot()
    else:
        simulator.timestamp.version = 2
    refused(frame, "version", now=NOW + timedelta(days=18))
    assert frame.versions()["timestamp"] == 3


def test_from_expired_metadata_the_frame_goes_on_to_newer(frame, simulator):
    simulator.timestamp.expires = NOW + timedelta(days=7)
    frame.client().refresh()
    simulator.publish("targets")
    simulator.timestamp.expires = NOW + timedelta(days=21)
    frame.client(now=NOW + timedelta(days=18)).refresh()
    assert frame.versions() == {"root": 1, "timestamp": 2, "snapshot": 2, "targets": 2}


# A stolen key made a version so high that nothing follows: new keys are the way back.


@pytest.mark.parametrize(
    ("role", "rotated"),
    [("timestamp", ["timestamp"]), ("snapshot", ["snapshot", "timestamp"]), ("targets", ["snapshot"])],
)
def test_after_fast_forward_new_keys_bring_low_versions_back(frame, simulator, role, rotated):
    getattr(simulator, role).version = 99_998
    simulator.update_snapshot()
    frame.client().refresh()
    assert frame.versions()[role] >= 99_998
    for other in rotated:
        simulator.rotate(other)
    simulator.publish_root()
    getattr(simulator, role).version = 1
    simulator.update_snapshot()
    frame.client().refresh()
    assert frame.versions()[role] <= 2
