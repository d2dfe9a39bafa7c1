"""Commands of accounts and API tokens."""

import argparse
import sys

from fleet_server.auth.permissions import Role
from fleet_server.options import command, loaded

ACTOR = "command line"
ROLES = [role.value for role in Role]


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    user = subparsers.add_parser("user", help="manage people's accounts")
    actions = user.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary, run in (
        ("add", "Make an account; the password is generated and printed, or read from standard input.", run_add),
        (
            "password",
            "Give a person a new password, generated and printed, or read from standard input.",
            run_password,
        ),
    ):
        parser = command(actions, name, summary, f"fleet-server user {name} --data DIR --name ada")
        parser.add_argument("--name", required=True, help="name to sign in with")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        parser.set_defaults(run=run)
        if name == "add":
            parser.add_argument("--role", required=True, choices=ROLES, help="what the person may do")

    token = subparsers.add_parser("token", help="manage API tokens of programs")
    actions = token.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = command(
        actions,
        "create",
        "Make an API token and print it once.",
        "fleet-server token create --data DIR --name lab --role laboratory",
    )
    create.add_argument("--name", required=True, help="the program that will use it")
    create.add_argument("--role", required=True, choices=ROLES, help="what the program may do")
    create.add_argument("--days", type=int, help="valid for this many days (default: until revoked)")
    create.set_defaults(run=run_token)


def run_add(arguments: argparse.Namespace) -> int:
    """Make an account."""
    from fleet_server.auth import service
    from fleet_server.db import Database

    password, generated = _password(arguments)
    with Database(loaded(arguments).url).transaction() as session:
        service.add_user(session, ACTOR, arguments.name, Role(arguments.role), password)
    if generated:
        print(password)  # noqa: T201
    return 0


def run_password(arguments: argparse.Namespace) -> int:
    """Set a password."""
    from fleet_server.auth import service
    from fleet_server.db import Database

    password, generated = _password(arguments)
    with Database(loaded(arguments).url).transaction() as session:
        service.set_password(session, ACTOR, arguments.name, password)
    if generated:
        print(password)  # noqa: T201
    return 0


def run_token(arguments: argparse.Namespace) -> int:
    """Make a token."""
    from datetime import timedelta

    from fleet_server.auth import service
    from fleet_server.db import Database, utc_now

    expires = utc_now() + timedelta(days=arguments.days) if arguments.days else None
    with Database(loaded(arguments).url).transaction() as session:
        secret = service.create_token(session, ACTOR, arguments.name, Role(arguments.role), expires)
    print(secret)  # noqa: T201
    return 0


def _password(arguments: argparse.Namespace) -> tuple[str, bool]:
    """The password and whether it was generated."""
    from fleet_server.auth import passwords

    if arguments.password_stdin:
        return sys.stdin.readline().rstrip("\n"), False
    return passwords.generate(), True
