from hypothesis import given
from hypothesis import strategies as st

from fleet_server.telemetry.contiguity import highest_settled

seqs = st.sets(st.integers(min_value=1, max_value=60))


def test_nothing_committed_settles_nothing():
    assert highest_settled(0, 1, []) == 0


def test_a_gap_holds_everything_above_it():
    assert highest_settled(0, 1, [1, 2, 4, 5]) == 2


def test_everything_below_the_floor_counts_as_settled():
    assert highest_settled(0, 4, [4, 5]) == 5
    assert highest_settled(0, 4, []) == 3


def test_a_lower_floor_takes_nothing_back():
    assert highest_settled(7, 2, [8]) == 8


@given(committed=seqs, floor=st.integers(min_value=1, max_value=60), settled=st.integers(min_value=0, max_value=20))
def test_it_is_the_largest_number_below_which_nothing_is_missing(committed, floor, settled):
    start = max(settled, floor - 1)
    above = sorted(seq for seq in committed if seq > start)
    answer = highest_settled(settled, floor, above)
    have = committed | set(range(1, start + 1))
    assert all(seq in have for seq in range(1, answer + 1))
    assert answer + 1 not in have


@given(committed=seqs, more=seqs)
def test_it_never_goes_back_when_more_arrives(committed, more):
    before = highest_settled(0, 1, sorted(committed))
    after = highest_settled(before, 1, sorted(seq for seq in committed | more if seq > before))
    assert after >= before
    assert after == highest_settled(0, 1, sorted(committed | more))
