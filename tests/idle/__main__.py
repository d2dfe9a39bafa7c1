"""Prints what an idle check costs; ``--json FILE`` keeps the figures."""

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from fleet_server.serve.initialise import initialise
from tests.idle.measure import Figures, measure
from tests.support.running_fleet import RunningFleet


def lines(figures: Figures) -> str:
    """Return the figures as lines for people."""
    rows = [
        ("one idle check, from connection to end", figures.poll),
        ("  question and answer of it, in TLS", figures.asked_again),
        ("a session taken up again (not done)", figures.resumed),
    ]
    said = [f"{name:<42}{cost.up:>6} up {cost.down:>6} down {cost.both:>6} bytes" for name, cost in rows]
    return "\n".join([f"{figures.version}, client certificate, without TCP's headers", *said, ""])


def main(argv: list[str] | None = None) -> int:
    """Start a fleet in a scratch directory and let a frame ask it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.idle",
        description="Count what an idle check costs between a frame and a fleet server on this machine.",
        epilog="example:\n  python -m tests.idle --json idle.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        initialise(data, [], "")
        fleet = RunningFleet(data)
        try:
            figures = measure(fleet.start())
        finally:
            fleet.stop()
    sys.stdout.write(lines(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(dataclasses.asdict(figures)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
