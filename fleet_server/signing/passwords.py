"""Passwords of key files: from the environment, a file or the terminal; never from the command line."""

import argparse
import getpass
import os
from pathlib import Path

from fleet_server.errors import ConfigurationError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the ways to give a password; without one the terminal asks."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--password-env", metavar="NAME", help="read it from the environment variable NAME_K of person K, or NAME"
    )
    group.add_argument(
        "--password-file", type=Path, metavar="FILE", help="read it from FILE: line K for person K, or its only line"
    )


def of_person(arguments: argparse.Namespace, person: int) -> str:
    """Return the password of one person's keys."""
    if arguments.password_env:
        found = os.environ.get(f"{arguments.password_env}_{person}") or os.environ.get(arguments.password_env)
        if not found:
            raise ConfigurationError(f"neither {arguments.password_env}_{person} nor {arguments.password_env} is set")
        return found
    if arguments.password_file:
        lines = Path(arguments.password_file).read_text(encoding="utf-8").splitlines()
        if len(lines) != 1 and person > len(lines):
            raise ConfigurationError(f"{arguments.password_file} has {len(lines)} lines, none for person {person}")
        return lines[0] if len(lines) == 1 else lines[person - 1]
    return getpass.getpass(f"Password of person {person}'s keys: ")
