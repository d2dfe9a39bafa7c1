"""Commands of the system: ``device-agent status``."""

import argparse
import sys


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``status``."""
    status = subparsers.add_parser(
        "status",
        help="say who this frame is and how it is",
        description="Say who this frame is, which model it has, what waits for the server and how its update stands.",
        epilog="example:\n  device-agent status --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    status.add_argument("--json", action="store_true", help="print everything as JSON")
    status.set_defaults(run=run_status)


def run_status(arguments: argparse.Namespace) -> int:
    """Run ``status``."""
    import msgspec

    from device_agent.system.home import Home
    from device_agent.system.status import read, sentences

    found = read(Home.from_environment())
    text = msgspec.json.encode(found).decode() if arguments.json else "\n".join(sentences(found))
    sys.stdout.write(text + "\n")
    return 0
