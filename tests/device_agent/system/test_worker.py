"""Workers: one's error is its own."""

import threading

from device_agent.errors import ServerUnreachable
from device_agent.system.worker import Rhythm, Worker, next_wait

RHYTHM = Rhythm(interval=100.0, jitter=0.25, first_retry=5.0, longest_retry=900.0)


def test_the_interval_is_shortened_by_up_to_its_jitter():
    assert next_wait(RHYTHM, 0, 0.0) == 100.0
    assert next_wait(RHYTHM, 0, 1.0) == 75.0


def test_failures_in_a_row_make_the_pauses_longer_up_to_the_longest():
    assert [next_wait(RHYTHM, failures, 1.0) for failures in (1, 2, 3, 20)] == [5.0, 10.0, 20.0, 900.0]


def test_an_error_of_one_turn_does_not_end_the_worker():
    turns: list[int] = []
    enough = threading.Event()

    def work() -> None:
        turns.append(1)
        if len(turns) == 1:
            raise ServerUnreachable("the first")
        if len(turns) == 2:
            raise ZeroDivisionError("a fault of ours")
        enough.set()

    worker = Worker("test", work, Rhythm(interval=60.0, first_retry=0.01, longest_retry=0.01))
    worker.start()
    assert enough.wait(10)
    worker.stop()
    assert worker.join(10)


def test_waking_makes_the_next_turn_come_at_once():
    turns = threading.Semaphore(0)
    worker = Worker("test", turns.release, Rhythm(interval=3600.0))
    worker.start()
    assert turns.acquire(timeout=10)
    worker.wake()
    assert turns.acquire(timeout=10)
    worker.stop()
    assert worker.join(10)
