"""Cut the power everywhere: ``python -m tests.crash``; ``make crash`` and ``make crash-long`` call it.

A failure prints the options that bring it back: the kind of update, the seed, and the number of the point.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable

from tests.crash.cuts import cuts
from tests.crash.run import Tally, cut_once, cut_twice
from tests.crash.scenarios import World, scratch

SHOWN = 20

Answer = Callable[[Tally], None]


def main() -> int:
    """Do what the options say; exit code 1 when a frame was not as it must be."""
    options = _parser().parse_args()
    started = time.monotonic()
    total = Tally()
    with scratch() as directory:
        world = World(directory)
        for kind in options.kind or world.scenarios:
            tally = _share_out(world, kind, options)
            total.add(tally)
            _say(
                f"{kind:13}{len(world.scenarios[kind].operations):5} operations {tally.points:6} points "
                f"{tally.disks:6} different disks {len(tally.failures):5} failures"
            )
    for failure in total.failures[:SHOWN]:
        _say(f"python -m tests.crash --randoms {options.randoms} {failure}")
    _say(
        f"{total.points} points, {len(total.failures)} failures, {time.monotonic() - started:.0f} s, "
        f"{options.jobs} processes, seed {options.seed}"
    )
    return 1 if total.failures else 0


def _share_out(world: World, kind: str, options: argparse.Namespace) -> Tally:
    """Let several processes work on one kind of update."""
    forks = multiprocessing.get_context("fork")  # what a fork is given need not be pickled
    answers: multiprocessing.SimpleQueue[Tally] = forks.SimpleQueue()
    workers = [
        forks.Process(target=_work, args=(world, kind, options, number, answers.put))
        for number in range(options.jobs)
    ]
    for worker in workers:
        worker.start()
    total = Tally()
    for _ in workers:
        total.add(answers.get())
    for worker in workers:
        worker.join()
    return total


def _work(world: World, kind: str, options: argparse.Namespace, number: int, answer: Answer) -> None:
    """Do one process's share: every ``jobs``-th point."""
    tally = Tally(failures=[f"--kind {kind} --seed {options.seed}: worker {number} ended early"])
    scenario = world.scenarios[kind]
    try:
        if options.doubles or options.double is not None:
            chosen = range(options.doubles) if options.double is None else [options.double]
            tally = cut_twice(world, scenario, list(chosen)[number :: options.jobs], options.seed)
        else:
            points = cuts(scenario, options.randoms)
            points = points if options.point is None else points[options.point : options.point + 1]
            tally = cut_once(world, scenario, points[number :: options.jobs], options.seed)
    finally:
        answer(tally)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", action="append", help="first, full, delta, set, ... (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="for everything that is left to chance")
    parser.add_argument("--randoms", type=int, default=2, help="random losses before each operation")
    parser.add_argument("--doubles", type=int, default=0, help="random double cuts of each kind, instead")
    parser.add_argument("--point", type=int, help="only this point")
    parser.add_argument("--double", type=int, help="only this double cut")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
