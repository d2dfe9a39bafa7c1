"""A sample of ``make fuzz``: damaged artefacts and metadata are refused, break nothing and take no memory."""

from dataclasses import replace

import pytest

from tests.crash.cuts import chance
from tests.crash.scenarios import scratch
from tests.fuzz.damage import damaged
from tests.fuzz.run import Tally, bounded_memory, fuzz
from tests.fuzz.targets import targets
from tests.support.workers import share_out

COUNT = 2000


@pytest.fixture(scope="module")
def made():
    with scratch() as directory:
        yield targets(directory)


def test_nothing_damaged_is_accepted_and_nothing_breaks(made):
    tally = fuzz(made, 2, range(COUNT))
    assert tally.faults == []
    assert tally.count == COUNT
    assert {target.name for target in made} == {*tally.refused}


def test_a_reader_that_accepts_damage_is_found_out(made):
    careless = [replace(target, read=lambda data: data) for target in made]
    assert len(fuzz(careless, 2, range(20)).faults) == 20


def test_damage_is_never_none(made):
    for number in range(2000):
        assert damaged(b"\0\0\0\1", chance(1, number)) != b"\0\0\0\1"


def test_memory_beyond_the_bound_is_an_error():
    with bounded_memory(), pytest.raises(MemoryError):
        bytes(1 << 30)


def test_what_every_process_found_is_added_and_one_that_dies_is_a_fault():
    def work(number):
        if number == 1:
            raise SystemExit(1)
        return Tally(faults=[f"found by {number}"])

    total = share_out(Tally(), 3, work, lambda number: Tally(faults=[f"{number} ended early"]))
    assert sorted(total.faults) == ["1 ended early", "found by 0", "found by 2"]
