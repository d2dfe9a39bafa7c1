"""Commands of telemetry."""

import argparse
import json
import sys

DEFAULT_TIMEOUT_SECONDS = 30.0


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``telemetry flush``."""
    telemetry = subparsers.add_parser(
        "telemetry",
        help="see to the reports that wait for the server",
        description="See to the reports that wait for the server.",
        epilog="example:\n  device-agent telemetry flush --timeout 60",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = telemetry.add_subparsers(dest="action", metavar="ACTION", required=True)
    flush = actions.add_parser(
        "flush",
        help="publish everything and wait for the server's acknowledgement",
        description="Publish everything in the outbox and wait until the server says that it is committed.",
        epilog="example:\n  device-agent telemetry flush --timeout 60\n\nexit code 31: it did not come in time",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flush.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT_SECONDS, metavar="S", help="seconds to wait")
    flush.add_argument("--json", action="store_true", help="print the result as JSON")
    flush.set_defaults(run=run_flush)


def run_flush(arguments: argparse.Namespace) -> int:
    """Run ``telemetry flush``."""
    from device_agent.errors import ServerUnreachable
    from device_agent.system import log
    from device_agent.system.home import Home
    from device_agent.telemetry.flush import flush

    log.configure()
    result = flush(Home.from_environment(), arguments.timeout)
    if arguments.json:
        record = {"before": result.before, "left": result.left, "seconds": round(result.seconds, 3)}
        sys.stdout.write(json.dumps(record) + "\n")
    else:
        sys.stdout.write(f"{result.before - result.left} of {result.before} reports acknowledged by the server\n")
    if result.left:
        raise ServerUnreachable(
            f"{result.left} reports are not acknowledged after {arguments.timeout:g} s; they stay in the outbox "
            "and go out when the server answers"
        )
    return 0
