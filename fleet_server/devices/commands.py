"""Commands of devices: claim codes, revocation."""

import argparse
import csv
from pathlib import Path

from fleet_server.options import command, loaded

ACTOR = "command line"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    claim = subparsers.add_parser("claim", help="make claim codes, each good for one frame")
    actions = claim.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = command(
        actions, "create", "Make claim codes and print them once.", "fleet-server claim create --data DIR --count 100"
    )
    create.add_argument("--count", type=int, default=1, help="how many (default 1)")
    create.add_argument("--csv", type=Path, metavar="FILE", help="write them to FILE instead of printing")
    create.set_defaults(run=create_claims)

    frame = subparsers.add_parser("frame", help="manage frames")
    actions = frame.add_subparsers(dest="action", metavar="ACTION", required=True)
    revoke = command(
        actions, "revoke", "Shut a frame out for good.", "fleet-server frame revoke --data DIR frame-ab12cd34ef56"
    )
    revoke.add_argument("frame_id", metavar="FRAME", help="the frame, frame-...")
    revoke.add_argument("--reason", default="revoked on the command line", help="one sentence for the audit log")
    revoke.set_defaults(run=revoke_frame)


def create_claims(arguments: argparse.Namespace) -> int:
    """Make claim codes."""
    from fleet_server.db import Database
    from fleet_server.devices import claims
    from fleet_server.errors import Invalid

    config = loaded(arguments)
    if not 1 <= arguments.count <= claims.MAX_AT_ONCE:
        raise Invalid(f"--count: expected 1 to {claims.MAX_AT_ONCE}, got {arguments.count}")
    with Database(config.url).transaction() as session:
        codes = claims.create(session, ACTOR, config.secret(claims.CLAIM_KEY), arguments.count)
        if arguments.csv:
            with Path(arguments.csv).open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([["claim_code"], *([code] for code in codes)])
    for code in [] if arguments.csv else codes:
        print(code)  # noqa: T201
    return 0


def revoke_frame(arguments: argparse.Namespace) -> int:
    """Revoke a frame."""
    from fleet_server.db import Database
    from fleet_server.devices import service

    with Database(loaded(arguments).url).transaction() as session:
        service.revoke(session, ACTOR, arguments.frame_id, arguments.reason)
    return 0
