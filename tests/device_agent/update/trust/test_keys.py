"""Keys and thresholds: rotations that are followed, and those that are not signed as they must be.

The situations are those of python-tuf's test_updater_key_rotations. A version is (keys named, threshold, signers).
"""

import pytest
from securesystemslib.signer import CryptoSigner

from device_agent.errors import TrustError

SIGNERS = [CryptoSigner.generate_ed25519() for _ in range(10)]
FIVE, OTHER_FIVE, ONE_CHANGED = [0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [0, 1, 3, 4, 5]

GOOD_CHAINS = {
    "one key": [([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])],
    "one key, with signatures of nobody": [([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2, 4])],
    "3 of 5 by various": [(FIVE, 3, [0, 2, 4]), (FIVE, 3, [0, 4, 1]), (FIVE, 3, [0, 1, 3]), (FIVE, 3, [0, 1, 3])],
    "3 of 5, one changed": [(FIVE, 3, [0, 2, 4]), (ONE_CHANGED, 3, [0, 4, 1])],
    "3 of 5, one changed in steps": [
        (FIVE, 3, [0, 2, 4]),
        (ONE_CHANGED, 3, [0, 2, 4, 5]),
        (ONE_CHANGED, 3, [0, 4, 5]),
    ],
    "3 of 5, all changed": [(FIVE, 3, [0, 2, 4]), (OTHER_FIVE, 3, [0, 2, 4, 5, 6, 7]), (OTHER_FIVE, 3, [5, 6, 7])],
    "1 of 3 to 2 of 3": [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])],
    "2 of 3 to 1 of 3": [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]), ([1, 2, 3], 1, [1])],
    "1 of 1 to 2 of 2": [([1], 1, [1]), ([1, 2], 2, [1, 2])],
}
BAD_CHAINS = {
    "not signed by the old key": [([1], 1, [1]), ([2], 1, [2, 3, 4])],
    "not signed by the new key": [([1], 1, [1]), ([2], 1, [1, 3, 4])],
    "not by 3 of the new": [(FIVE, 3, [0, 2, 4]), (ONE_CHANGED, 3, [0, 2, 4])],
    "not by 3 of the old": [(FIVE, 3, [0, 2, 4]), (ONE_CHANGED, 3, [0, 4, 5])],
    "raised threshold not reached": [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [2])],
    "lowered threshold, old one not reached": [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1])],
}
GOOD_ROLES = {
    "new key": ([2], 1, [2]),
    "with signatures of nobody": ([1], 1, [3, 1, 4]),
    "3 of 5, one way": (FIVE, 3, [0, 2, 4]),
    "3 of 5, another": (FIVE, 3, [1, 2, 3]),
    "3 of 5, a third": (FIVE, 3, [2, 3, 4]),
    "more than needed": (FIVE, 3, [0, 1, 2, 3, 4]),
}
BAD_ROLES = {
    "not the new key": ([2], 1, [1, 3, 4]),
    "one of three is nobody": (ONE_CHANGED, 3, [0, 2, 4]),
    "one missing": (ONE_CHANGED, 3, [0, 4]),
    "threshold above the number of keys": ([0, 1], 3, [0, 1]),
}


def publish_chain(simulator, chain):
    """Publish the roots of the chain as the only ones there ever were."""
    simulator.roots.clear()
    simulator.root.version = 0
    for keys, threshold, signers in chain:
        simulator.set_keys("root", [SIGNERS[i] for i in keys], threshold, [SIGNERS[i] for i in signers])
        simulator.publish_root()


@pytest.mark.parametrize("chain", GOOD_CHAINS.values(), ids=GOOD_CHAINS.keys())
def test_a_chain_of_roots_each_signed_by_old_and_new_is_followed(simulator, make_frame, chain):
    publish_chain(simulator, chain)
    frame = make_frame()
    frame.client().refresh()
    assert (frame.directory / "root.json").read_bytes() == simulator.roots[-1]


@pytest.mark.parametrize("chain", BAD_CHAINS.values(), ids=BAD_CHAINS.keys())
def test_a_root_that_lacks_signatures_is_refused_and_the_one_before_stays(simulator, make_frame, chain):
    publish_chain(simulator, chain)
    frame = make_frame()
    with pytest.raises(TrustError, match="sign"):
        frame.client().refresh()
    assert (frame.directory / "root.json").read_bytes() == simulator.roots[-2]


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
@pytest.mark.parametrize("version", GOOD_ROLES.values(), ids=GOOD_ROLES.keys())
def test_a_role_signed_by_its_threshold_is_trusted(simulator, frame, role, version):
    keys, threshold, signers = version
    simulator.set_keys(role, [SIGNERS[i] for i in keys], threshold, [SIGNERS[i] for i in signers])
    simulator.publish_root()
    frame.client().refresh()
    assert (frame.directory / f"{role}.json").read_bytes() == simulator.current(role)


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
@pytest.mark.parametrize("version", BAD_ROLES.values(), ids=BAD_ROLES.keys())
def test_a_role_below_its_threshold_is_refused(simulator, frame, role, version):
    keys, threshold, signers = version
    simulator.set_keys(role, [SIGNERS[i] for i in keys], threshold, [SIGNERS[i] for i in signers])
    simulator.publish_root()
    with pytest.raises(TrustError, match="sign"):
        frame.client().refresh()
    assert not (frame.directory / f"{role}.json").exists()


def test_one_key_that_signs_twice_counts_once(simulator, frame):
    simulator.set_keys("snapshot", SIGNERS[:2], 2, [SIGNERS[0], SIGNERS[0]])
    simulator.publish_root()
    with pytest.raises(TrustError, match="sign"):
        frame.client().refresh()


def test_keys_of_a_role_that_the_root_took_away_count_no_longer(simulator, frame):
    frame.client().refresh()
    old = simulator.signers["targets"]
    simulator.rotate("targets")
    simulator.publish_root()
    simulator.signers["targets"] = old
    simulator.publish("targets")
    with pytest.raises(TrustError, match="sign"):
        frame.client().refresh()
    assert frame.versions()["targets"] == 1
