"""Commands of signing: keys and their changes, certificate authorities, releases, and the image repository."""

import argparse

from fleet_server.options import command, loaded
from fleet_server.signing import ca_commands, change_commands, key_commands, release_commands

Subparsers = argparse._SubParsersAction


def add_commands(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    keys = subparsers.add_parser("keys", help="hold a key ceremony, give the server its online keys")
    actions = keys.add_subparsers(dest="action", metavar="ACTION", required=True)
    key_commands.add_key_commands(actions)
    change_commands.add_change_commands(actions)
    ca_commands.add_ca_commands(subparsers)
    release_commands.add_release_commands(subparsers)
    _add_repository(subparsers)


def _add_repository(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    repository = subparsers.add_parser("repository", help="look after the image repository")
    actions = repository.add_subparsers(dest="action", metavar="ACTION", required=True)
    refresh = command(
        actions,
        "refresh",
        "Renew snapshot and timestamp when half their life is gone.",
        "fleet-server repository refresh --data DIR",
    )
    refresh.set_defaults(run=refresh_repository)
    restore = command(
        actions,
        "restore",
        "Serve again the newest metadata that people signed, after somebody else wrote to this server's files.",
        "fleet-server repository restore --data DIR",
    )
    restore.set_defaults(run=restore_repository)


def refresh_repository(arguments: argparse.Namespace) -> int:
    """Renew the online roles when it is time."""
    from fleet_server.signing import metadata
    from fleet_server.signing.repository import Repository

    renewed = Repository(loaded(arguments).tuf_dir).refresh(metadata.now())
    print("renewed" if renewed else "still fresh")  # noqa: T201
    return 0


def restore_repository(arguments: argparse.Namespace) -> int:
    """Go back to what people signed."""
    from fleet_server.signing import apply, metadata
    from fleet_server.signing.repository import Repository

    for role, version in apply.restore(Repository(loaded(arguments).tuf_dir), metadata.now()).items():
        print(f"{role}: version {version}")  # noqa: T201
    return 0
