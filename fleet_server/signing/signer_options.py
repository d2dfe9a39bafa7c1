"""Options of commands that sign: where keys lie that are in no file, and where signatures go."""

import argparse
from pathlib import Path

from fleet_server.errors import ConfigurationError
from fleet_server.signing import roles


def add_signature(parser: argparse.ArgumentParser) -> None:
    """Let a command write the signatures into a file of their own."""
    parser.add_argument(
        "--signature", type=Path, metavar="FILE", help="also write the signatures alone to FILE, for merge"
    )


def add_signers(parser: argparse.ArgumentParser) -> None:
    """Let a command take keys that lie elsewhere."""
    parser.add_argument(
        "--signer",
        action="append",
        default=[],
        metavar="ROLE=URI",
        help="the key of ROLE lies elsewhere: hsm:ID?label=TOKEN; repeatable",
    )


def given(arguments: argparse.Namespace) -> dict[str, str]:
    """Return role -> URI of the keys that lie elsewhere."""
    found = dict(text.partition("=")[::2] for text in arguments.signer)
    for role, uri in found.items():
        if role not in (*roles.OFFLINE, *roles.SERVER_KEYS) or not uri:
            raise ConfigurationError(f"--signer {role}={uri}: expected ROLE=URI, such as models=hsm:3?label=person-2")
    return found
