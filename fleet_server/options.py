"""Command-line options that several features share."""

import argparse
from pathlib import Path

from fleet_server import config


def command(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    """Add a command with help, an example, and the ``--data`` option that every command takes."""
    parser = subparsers.add_parser(
        name,
        help=summary[0].lower() + summary[1:].rstrip("."),
        description=summary,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="data directory of the server")
    return parser


def plain(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    """Add a command that runs away from the server, without its data directory."""
    return subparsers.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def loaded(arguments: argparse.Namespace) -> config.Config:
    """Return the configuration of the data directory that ``--data`` names."""
    return config.load(arguments.data)
