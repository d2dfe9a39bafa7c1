"""Cut the power everywhere: ``python -m tests.crash``; ``make crash`` and ``make crash-long`` call it.

A failure prints the options that bring it back: the kind of update, the seed, and the number of the point.
"""

import argparse
import sys
import time

from tests.crash.cuts import cuts
from tests.crash.run import Tally, cut_once, cut_twice
from tests.crash.scenarios import World, scratch
from tests.support import workers

COMMAND = "python -m tests.crash"


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
            workers.say(
                f"{kind:13}{len(world.scenarios[kind].operations):5} operations {tally.points:6} points "
                f"{tally.disks:6} different disks {len(tally.failures):5} failures"
            )
    workers.show(f"{COMMAND} --randoms {options.randoms}", total.failures)
    workers.say(
        f"{total.points} points, {len(total.failures)} failures, {time.monotonic() - started:.0f} s, "
        f"{options.jobs} processes, seed {options.seed}"
    )
    return 1 if total.failures else 0


def _share_out(world: World, kind: str, options: argparse.Namespace) -> Tally:
    """Let several processes work on one kind of update."""
    again = f"--kind {kind} --seed {options.seed}"
    return workers.share_out(
        Tally(),
        options.jobs,
        lambda number: _work(world, kind, options, number),
        lambda number: Tally(failures=[f"{again}: worker {number} ended early"]),
    )


def _work(world: World, kind: str, options: argparse.Namespace, number: int) -> Tally:
    """Do one process's share: every ``jobs``-th point."""
    scenario = world.scenarios[kind]
    if options.doubles or options.double is not None:
        chosen = range(options.doubles) if options.double is None else [options.double]
        return cut_twice(world, scenario, list(chosen)[number :: options.jobs], options.seed)
    points = cuts(scenario, options.randoms)
    points = points if options.point is None else points[options.point : options.point + 1]
    return cut_once(world, scenario, points[number :: options.jobs], options.seed)


def _parser() -> argparse.ArgumentParser:
    parser = workers.parser(COMMAND, __doc__, "--randoms 12 --kind delta")
    parser.add_argument("--kind", action="append", help="first, full, delta, set, ... (default: all)")
    parser.add_argument("--randoms", type=int, default=2, help="random losses before each operation")
    parser.add_argument("--doubles", type=int, default=0, help="random double cuts of each kind, instead")
    parser.add_argument("--point", type=int, help="only this point")
    parser.add_argument("--double", type=int, help="only this double cut")
    return parser


if __name__ == "__main__":
    sys.exit(main())
