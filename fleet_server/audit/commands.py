"""The command that checks the audit log."""

import argparse
import sys

from fleet_server.options import command, loaded


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    audit = subparsers.add_parser("audit", help="check the audit log")
    actions = audit.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = command(
        actions, "verify", "Check the hash chain of the whole audit log.", "fleet-server audit verify --data DIR"
    )
    verify.set_defaults(run=run_verify)


def run_verify(arguments: argparse.Namespace) -> int:
    """Check the chain; exit code 1 names the first entry that does not follow."""
    from fleet_server.audit import service
    from fleet_server.db import Database

    with Database(loaded(arguments).url).reading() as session:
        broken = service.first_break(session)
    if broken is None:
        print("the audit log is whole")  # noqa: T201
        return 0
    print(f"entry {broken} was changed, or entries before it are missing", file=sys.stderr)  # noqa: T201
    return 1
