"""The command ``frame-tuf-client``: the frame's own trust client and fetcher behind three plain commands.

It speaks the protocol by which TUF clients are compared (tuf-conformance, CLIENT-CLI.md), so that what a frame does
with metadata can be tried against any repository. Exit code 0, or 1 when anything was refused or did not arrive.

    frame-tuf-client --metadata-dir D init ROOT
    frame-tuf-client --metadata-dir D --metadata-url U refresh
    frame-tuf-client --metadata-dir D --metadata-url U --target-name N --target-base-url T --target-dir X download

D keeps the current file of each role as ROLE.json. No clock of ours is behind it but the machine's own: a frame's
floor below its clock (docs/protocol.md, "Updates") would hide what a repository of the past looks like.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx

from device_agent.errors import AgentError, InputError, TrustError
from device_agent.system import files
from device_agent.update.fetch import Fetcher
from device_agent.update.retry import RetryPolicy
from device_agent.update.trust.client import HashedFile, TrustClient
from device_agent.update.trust.store import MetadataStore

INITIAL_ROOT = "initial_root"
"""File in D with the root that ``init`` was given; refreshes walk from it, as a frame from the factory's."""
DOWNLOADS = "downloads"
"""Folder in D for what is not verified yet."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ONE_ATTEMPT = RetryPolicy(attempts=1)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser: options first, then the command."""
    parser = argparse.ArgumentParser(
        prog="frame-tuf-client",
        description="The frame's TUF client as three plain commands, for comparison with other clients.",
        epilog="example:\n  frame-tuf-client --metadata-dir D --metadata-url http://localhost:8000/metadata refresh",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--metadata-dir", type=Path, required=True, metavar="D", help="trusted metadata is kept there"
    )
    parser.add_argument("--metadata-url", metavar="U", help="where the repository's metadata is")
    parser.add_argument("--target-name", action="append", default=[], metavar="N", help="a target's path; repeatable")
    parser.add_argument("--target-base-url", metavar="T", help="where the repository's targets are")
    parser.add_argument("--target-dir", type=Path, metavar="X", help="where verified targets are put")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    init = commands.add_parser("init", help="begin with a trusted root")
    init.add_argument("root", type=Path, metavar="ROOT", help="the trusted root.json")
    init.set_defaults(run=run_init)
    commands.add_parser("refresh", help="bring the top-level metadata up to date").set_defaults(run=run_refresh)
    commands.add_parser("download", help="fetch targets, each verified").set_defaults(run=run_download)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; an error is one sentence on stderr and exit code 1."""
    arguments = build_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], None] = arguments.run
    try:
        run(arguments)
    except AgentError as error:
        sys.stderr.write(f"frame-tuf-client: {error}\n")
        return 1
    return 0


def run_init(arguments: argparse.Namespace) -> None:
    """Keep the trusted root; nothing is asked of the repository."""
    with files.disk_errors(f"cannot read {arguments.root}"):
        data = arguments.root.read_bytes()
    files.atomic_write(arguments.metadata_dir / INITIAL_ROOT, data)
    MetadataStore(arguments.metadata_dir).set_current_root(data)


def run_refresh(arguments: argparse.Namespace) -> None:
    """Follow the client workflow once."""
    with httpx.Client(trust_env=False) as http:
        _trust(arguments, http).refresh()


def run_download(arguments: argparse.Namespace) -> None:
    """Fetch each target that is not there yet with the signed hash."""
    _need(arguments, "target_base_url", "target_dir")
    with httpx.Client(trust_env=False) as http:
        trust = _trust(arguments, http)
        trust.refresh()
        fetcher = Fetcher(http, arguments.target_base_url, policy=ONE_ATTEMPT)
        for name in arguments.target_name:
            file = trust.hashed_file(name)
            if file is None:
                raise TrustError(f"no trusted role names {name}; nothing is downloaded")
            _download(fetcher, file, arguments.metadata_dir / DOWNLOADS, arguments.target_dir / quote(name, safe=""))


def _trust(arguments: argparse.Namespace, http: httpx.Client) -> TrustClient:
    _need(arguments, "metadata_url")
    source = Fetcher(http, arguments.metadata_url, policy=ONE_ATTEMPT)
    initial = arguments.metadata_dir / INITIAL_ROOT
    with files.disk_errors(f"cannot read {initial}; run init first"):
        root = initial.read_bytes()
    return TrustClient(MetadataStore(arguments.metadata_dir), source, root, not_before=LONG_AGO)


def _need(arguments: argparse.Namespace, *options: str) -> None:
    for option in options:
        if getattr(arguments, option) is None:
            raise InputError(f"{arguments.command} needs --{option.replace('_', '-')}")


def _download(fetcher: Fetcher, signed: HashedFile, downloads: Path, destination: Path) -> None:
    if is_there(destination, signed):
        return
    partial = downloads / signed.digest
    fetcher.download(quote(signed.stored_name), partial, signed.length, signed.digest, algorithm=signed.algorithm)
    with files.disk_errors(f"cannot read {partial}"):
        files.atomic_write(destination, partial.read_bytes())
    files.remove_file(partial)


def is_there(path: Path, signed: HashedFile) -> bool:
    """Whether the file is there already, whole and with the signed hash."""
    if not path.is_file() or path.stat().st_size != signed.length:
        return False
    with files.disk_errors(f"cannot read {path}"), path.open("rb") as file:
        return hashlib.file_digest(file, signed.algorithm).hexdigest() == signed.digest


if __name__ == "__main__":
    sys.exit(main())
