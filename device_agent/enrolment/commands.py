"""Commands of enrolment."""

import argparse
import json
import sys
from pathlib import Path

DEFAULT_HARDWARE = "dev"
DEFAULT_TIMEZONE = "UTC"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``enrol``."""
    enrol = subparsers.add_parser(
        "enrol",
        help="turn a claim code into this frame's identity",
        description="Turn a claim code into this frame's identity. Running it again gives the same identity.",
        epilog=(
            "example:\n  device-agent enrol --server https://fleet.example --claim-code ABCD-EFGH-JKLM "
            "--ca fleet-ca.pem"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    enrol.add_argument("--server", required=True, metavar="URL", help="address of the fleet server, https://...")
    enrol.add_argument("--claim-code", required=True, metavar="CODE", help="the code that came with the frame")
    trust = enrol.add_mutually_exclusive_group()
    trust.add_argument(
        "--ca", type=Path, metavar="FILE", help="the fleet's CA certificate, PEM (default: the one from the factory)"
    )
    trust.add_argument("--ca-fingerprint", metavar="SHA256", help="or its SHA-256 fingerprint, to compare with")
    enrol.add_argument(
        "--trust-root",
        type=Path,
        metavar="FILE",
        help="root.json of the key ceremony, which updates are judged by, with director-root.json beside it "
        "(default: those from the factory)",
    )
    enrol.add_argument("--serial", metavar="S", help="serial number (default: what the machine says)")
    enrol.add_argument(
        "--hardware", default=DEFAULT_HARDWARE, metavar="H", help="hardware model (default: %(default)s)"
    )
    enrol.add_argument("--timezone", default=DEFAULT_TIMEZONE, metavar="Z", help="time zone (default: %(default)s)")
    enrol.add_argument("--json", action="store_true", help="print the identity as JSON")
    enrol.set_defaults(run=run_enrol)


def run_enrol(arguments: argparse.Namespace) -> int:
    """Run ``enrol``."""
    from device_agent.enrolment import trust
    from device_agent.enrolment.enrol import Wish, enrol
    from device_agent.system.home import Home

    wish = Wish(
        server=arguments.server,
        claim_code=arguments.claim_code,
        serial=arguments.serial,
        ca_pem=None if arguments.ca_fingerprint else trust.from_file(arguments.ca or trust.FACTORY_CA),
        ca_fingerprint=arguments.ca_fingerprint,
        hardware=arguments.hardware,
        timezone=arguments.timezone,
    )
    home = Home.from_environment()
    if arguments.trust_root:
        trust.keep_roots(home, arguments.trust_root)
    known = enrol(home, wish)
    if arguments.json:
        record = {"frame_id": known.frame_id, "server": known.server, "serial": known.record.serial}
        sys.stdout.write(json.dumps(record) + "\n")
    else:
        sys.stdout.write(f"this frame is {known.frame_id} of {known.server}\n")
    return 0
