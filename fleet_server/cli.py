"""The command ``fleet-server``: each feature adds its own commands; its libraries load only when one runs."""

import argparse
import os
import sys

from fleet_server.errors import ServerError
from fleet_server.features import modules

PRIVATE_UMASK = 0o077
"""Databases, keys and clips are nobody else's to read."""

EPILOG = """examples:
  fleet-server init --data /var/lib/liveframe --host fleet.example
  fleet-server serve --data /var/lib/liveframe
  fleet-server claim create --data /var/lib/liveframe --count 100 --csv claims.csv
  fleet-server user add --data /var/lib/liveframe --name ada --role support

exit codes:
  0 done    1 other error    2 wrong arguments or configuration    3 broker missing or not ready
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every feature's commands."""
    parser = argparse.ArgumentParser(
        prog="fleet-server",
        description="The server behind the frames: enrolment, telemetry, releases, rollouts, complaints.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in modules("commands"):
        module.add_commands(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one sentence on stderr."""
    arguments = build_parser().parse_args(argv)
    os.umask(PRIVATE_UMASK)
    try:
        code: int = arguments.run(arguments)
        return code
    except ServerError as error:
        print(f"fleet-server: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
