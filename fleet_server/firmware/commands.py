"""Commands of firmware: make the key, build a signed image."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fleet_server.options import plain
from fleet_server.signing import passwords

if TYPE_CHECKING:
    from fleet_server.firmware.description import Facts
    from fleet_server.firmware.signing import Signer
    from fleet_server.firmware.tree import Content

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

FIRST_PERSON = 1
"""The key has one holder; its password is asked for as the first person's."""


def add_commands(subparsers: "Subparsers") -> None:
    """Add this feature's commands to the parser."""
    firmware = subparsers.add_parser("firmware", help="build firmware images that frames verify")
    actions = firmware.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_key(actions)
    _add_build(actions)


def _add_key(actions: "Subparsers") -> None:
    parser = plain(
        actions,
        "key",
        "Make the key that firmware is signed with, and the certificate that the factory puts on every frame.",
        "fleet-server firmware key --out firmware-key --password-file password",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new directory, kept offline")
    passwords.add_options(parser)
    parser.set_defaults(run=make_key)


def _add_build(actions: "Subparsers") -> None:
    parser = plain(
        actions,
        "build",
        "Build a signed firmware image: the agent and its environment as the file system of a slot.",
        "fleet-server firmware build --wheel dist/liveframe_agent-0.1.0-py3-none-any.whl "
        "--environment requirements/frame.lock --version 2026.12.1 --counter 7 --hardware lf-1 "
        "--revision 1.0 --key firmware-key --out firmware-2026.12.1.swu",
    )
    parser.add_argument("--wheel", type=Path, required=True, metavar="FILE", help="the frame's wheel (make wheel)")
    parser.add_argument(
        "--environment",
        type=Path,
        required=True,
        metavar="LOCK|DIR",
        help="requirements/frame.lock, from which pip installs; or a directory of installed packages",
    )
    parser.add_argument("--machine", default="aarch64", help="of the wheels (default: %(default)s)")
    parser.add_argument(
        "--python", type=Path, metavar="PATH", help="Python on the frame (default: /usr/bin/python3.11)"
    )
    parser.add_argument("--version", required=True, help="of the firmware, such as 2026.12.1")
    parser.add_argument(
        "--counter",
        type=int,
        required=True,
        metavar="N",
        help="of its release in the line firmware; a frame that runs it takes none below, from the factory on",
    )
    parser.add_argument("--hardware", required=True, metavar="NAME", help="model of frame, as it is enrolled")
    parser.add_argument(
        "--revision", action="append", required=True, metavar="R", help="of that hardware; may be repeated"
    )
    parser.add_argument("--key", type=Path, required=True, metavar="DIR", help="what 'firmware key' made")
    passwords.add_options(parser)
    parser.add_argument(
        "--format",
        choices=("swu", "verity", "plain"),
        default="swu",
        help="swu for SWUpdate, verity for RAUC (plain: tests only; default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the image, .swu or .raucb")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write size and hash as JSON")
    parser.set_defaults(run=build)


def make_key(arguments: argparse.Namespace) -> int:
    """Make the pair."""
    from fleet_server.firmware import signing

    signing.make(arguments.out, passwords.of_person(arguments, FIRST_PERSON))
    sys.stdout.write(
        f"{arguments.out / signing.KEY}: keep it offline, with its password\n"
        f"{arguments.out / signing.CERTIFICATE}: for /etc/liveframe/ of every frame\n"
    )
    return 0


def build(arguments: argparse.Namespace) -> int:
    """Build the image and print its size and hash."""
    from fleet_server.firmware import signing
    from fleet_server.firmware.description import Facts
    from fleet_server.firmware.tree import FRAME_PYTHON, Content

    facts = Facts(arguments.version, arguments.hardware, tuple(arguments.revision), arguments.counter).check()
    content = Content(arguments.wheel, arguments.environment, arguments.machine, arguments.python or FRAME_PYTHON)
    signer = signing.load(arguments.key, passwords.of_person(arguments, FIRST_PERSON))
    digest = _written(arguments, facts, content, signer)
    figures = {"file": str(arguments.out), "bytes": arguments.out.stat().st_size, "sha256": digest}
    sys.stdout.write(f"{arguments.out}: {figures['bytes']} bytes, SHA-256 {digest}\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures) + "\n")
    return 0


def _written(arguments: argparse.Namespace, facts: "Facts", content: "Content", signer: "Signer") -> str:
    from fleet_server.firmware.build import build_swu
    from fleet_server.firmware.rauc import build_bundle

    def say(line: str) -> None:
        sys.stderr.write(f"firmware: {line}\n")

    if arguments.format == "swu":
        return build_swu(facts, content, signer, arguments.out, say)
    return build_bundle(facts, content, signer, arguments.out, say, bundle_format=arguments.format)
