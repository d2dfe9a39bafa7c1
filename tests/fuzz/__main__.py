"""Flip bits in artefacts and metadata: ``python -m tests.fuzz``; ``make fuzz`` calls it."""

import argparse
import sys
import time

from tests.crash.scenarios import scratch
from tests.fuzz.run import Tally, bounded_memory, fuzz
from tests.fuzz.targets import targets
from tests.support import workers

COMMAND = "python -m tests.fuzz"


def main() -> int:
    """Do what the options say; exit code 1 when something was accepted, broke or took too much memory."""
    options = _parser().parse_args()
    numbers = range(options.count) if options.only is None else range(options.only, options.only + 1)
    started = time.monotonic()
    total = workers.share_out(
        Tally(),
        options.jobs,
        lambda start: _work(options.seed, numbers[start :: options.jobs]),
        lambda _: Tally(faults=["a worker ended early"]),
    )
    seconds = time.monotonic() - started
    for name in sorted({*total.refused, *total.unharmed}):
        workers.say(f"{name:20} refused {total.refused[name]:7}   read as if whole {total.unharmed[name]:6}")
    workers.show(COMMAND, total.faults)
    workers.say(
        f"{total.count} damaged, {len(total.faults)} accepted or broken, {seconds:.0f} s, "
        f"{total.count / seconds:.0f} a second in {options.jobs} processes, seed {options.seed}"
    )
    return 1 if total.faults else 0


def _work(seed: int, numbers: range) -> Tally:
    """Do one process's share, in a repository of its own."""
    with scratch() as directory:
        made = targets(directory)
        with bounded_memory():
            return fuzz(made, seed, numbers)


def _parser() -> argparse.ArgumentParser:
    parser = workers.parser(COMMAND, __doc__, "--count 10000 --seed 7")
    parser.add_argument("--count", type=int, default=1_000_000, help="how often (default: %(default)s)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="only this one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
