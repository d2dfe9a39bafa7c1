"""Flip bits in artefacts and metadata: ``python -m tests.fuzz``; ``make fuzz`` calls it."""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable

from tests.crash.scenarios import scratch
from tests.fuzz.run import Tally, bounded_memory, fuzz
from tests.fuzz.targets import targets

SHOWN = 20


def main() -> int:
    """Do what the options say; exit code 1 when something was accepted, broke or took too much memory."""
    options = _parser().parse_args()
    numbers = range(options.count) if options.only is None else range(options.only, options.only + 1)
    forks = multiprocessing.get_context("fork")
    answers: multiprocessing.SimpleQueue[Tally] = forks.SimpleQueue()
    workers = [
        forks.Process(target=_work, args=(options.seed, numbers[start :: options.jobs], answers.put))
        for start in range(options.jobs)
    ]
    started = time.monotonic()
    for worker in workers:
        worker.start()
    total = Tally()
    for _ in workers:
        total.add(answers.get())
    for worker in workers:
        worker.join()
    seconds = time.monotonic() - started
    for name in sorted({*total.refused, *total.unharmed}):
        _say(f"{name:20} refused {total.refused[name]:7}   read as if whole {total.unharmed[name]:6}")
    for fault in total.faults[:SHOWN]:
        _say(f"python -m tests.fuzz {fault}")
    _say(
        f"{total.count} damaged, {len(total.faults)} accepted or broken, {seconds:.0f} s, "
        f"{total.count / seconds:.0f} a second in {options.jobs} processes, seed {options.seed}"
    )
    return 1 if total.faults else 0


def _work(seed: int, numbers: range, answer: Callable[[Tally], None]) -> None:
    """Do one process's share, in a repository of its own."""
    tally = Tally(faults=["a worker ended early"])
    try:
        with scratch() as directory:
            made = targets(directory)
            with bounded_memory():
                tally = fuzz(made, seed, numbers)
    finally:
        answer(tally)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="how often (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="for everything that is left to chance")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="only this one")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
