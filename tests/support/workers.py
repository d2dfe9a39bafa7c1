"""A long search shared among processes, for the commands ``python -m tests.crash`` and ``python -m tests.fuzz``."""

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeVar

SHOWN = 20
"""So many failures are printed."""


class Tally(Protocol):
    """What a process found."""

    def add(self, other: Self, /) -> None:
        """Add what another process found."""


T = TypeVar("T", bound=Tally)


def share_out(total: T, jobs: int, work: Callable[[int], T], early: Callable[[int], T]) -> T:
    """Let ``work`` be done in ``jobs`` processes, numbered from 0; return ``total`` with what they found added.

    ``early`` is what counts for a process that ended before its work did.
    """
    forks = multiprocessing.get_context("fork")  # what a fork is given need not be pickled
    answers: multiprocessing.SimpleQueue[T] = forks.SimpleQueue()

    def answer(number: int) -> None:
        tally = early(number)
        try:
            tally = work(number)
        finally:
            answers.put(tally)

    workers = [forks.Process(target=answer, args=(number,)) for number in range(jobs)]
    for worker in workers:
        worker.start()
    for _ in workers:
        total.add(answers.get())
    for worker in workers:
        worker.join()
    return total


def parser(command: str, description: str | None, example: str) -> argparse.ArgumentParser:
    """Return the parser of what every such command can be asked; ``example`` are options."""
    made = argparse.ArgumentParser(
        prog=command,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"example: {command} {example}",
    )
    made.add_argument("--seed", type=int, default=1, help="for everything that is left to chance")
    made.add_argument("--jobs", type=int, default=2, help="processes")
    return made


def show(command: str, failures: Sequence[str]) -> None:
    """Print the first failures, each as the options that bring it back."""
    for failure in failures[:SHOWN]:
        say(f"{command} {failure}")


def say(text: str) -> None:
    """Print a line now, however long the rest takes."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
