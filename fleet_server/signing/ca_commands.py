"""Commands that rotate the fleet CA and renew the servers' certificates (docs/runbooks/certificates.md)."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from fleet_server.options import command, loaded

if TYPE_CHECKING:
    from fleet_server.config import Config

Subparsers = argparse._SubParsersAction
ACTOR = "command line"
ROLES = {"ca": "issues", "next/ca": "next", "previous/ca": "previous"}


def add_ca_commands(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add ``ca`` and what it can do."""
    ca = subparsers.add_parser("ca", help="rotate the fleet CA, renew the servers' certificates")
    actions = ca.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = command(
        actions,
        "new",
        "Begin a rotation: make the CA that will issue. Nothing changes for frames yet.",
        "fleet-server ca new --data DIR --out fleet-ca-both.pem",
    )
    new.add_argument("--out", type=Path, required=True, metavar="FILE", help="both CAs, for keys change --fleet-ca")
    new.set_defaults(run=begin)
    switch = command(
        actions,
        "switch",
        "Let the next CA issue; servers and broker present its certificates at once, both CAs stay trusted.",
        "fleet-server ca switch --data DIR",
    )
    switch.set_defaults(run=switch_over)
    export = command(
        actions,
        "export",
        "Write the certificates of the CAs that are trusted here.",
        "fleet-server ca export --data DIR --issuing --out fleet-ca-new.pem",
    )
    export.add_argument("--issuing", action="store_true", help="only the CA that issues now")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to")
    export.set_defaults(run=export_certificates)
    retire = command(
        actions,
        "retire",
        "End a rotation: trust what the previous CA issued no more.",
        "fleet-server ca retire --data DIR",
    )
    retire.set_defaults(run=retire_previous)
    status = command(
        actions,
        "status",
        "Print the CAs, whether frames were told of each, and how many frames hold a certificate of it.",
        "fleet-server ca status --data DIR --json",
    )
    status.add_argument("--json", action="store_true", help="print it as JSON")
    status.set_defaults(run=show_status)
    renew = command(
        actions,
        "renew-servers",
        "Issue new certificates for web servers, broker and ingest; they take them over within seconds.",
        "fleet-server ca renew-servers --data DIR",
    )
    renew.set_defaults(run=renew_servers)


def begin(arguments: argparse.Namespace) -> int:
    """Make the next CA."""
    from fleet_server.pki import files
    from fleet_server.pki.store import CaStore

    config = loaded(arguments)
    store = CaStore(config.ca_dir)
    store.prepare()
    files.write(arguments.out, store.ca_pem().encode(), files.PUBLIC_MODE)
    _record(config, "began a rotation of the fleet CA.")
    return show_status(arguments)


def switch_over(arguments: argparse.Namespace) -> int:
    """Let the next CA issue."""
    from fleet_server.pki.store import CaStore
    from fleet_server.signing import ca_rotation
    from fleet_server.signing.repository import Repository

    config = loaded(arguments)
    store = CaStore(config.ca_dir)
    ca_rotation.check_switch(ca_rotation.published(Repository(config.tuf_dir)), store)
    store.switch(config.host_names)
    _record(config, "let the next fleet CA issue.")
    return show_status(arguments)


def export_certificates(arguments: argparse.Namespace) -> int:
    """Write certificates."""
    from fleet_server.pki import files
    from fleet_server.pki.store import CaStore
    from fleet_server.signing import ca_rotation

    store = CaStore(loaded(arguments).ca_dir)
    text = ca_rotation.issuing(store) if arguments.issuing else store.ca_pem()
    files.write(arguments.out, text.encode(), files.PUBLIC_MODE)
    return 0


def retire_previous(arguments: argparse.Namespace) -> int:
    """Trust the previous CA no more."""
    from fleet_server.pki.store import CaStore
    from fleet_server.signing import ca_rotation
    from fleet_server.signing.repository import Repository

    config = loaded(arguments)
    store = CaStore(config.ca_dir)
    ca_rotation.check_retire(ca_rotation.published(Repository(config.tuf_dir)), store)
    store.retire()
    _record(config, "retired the previous fleet CA.")
    return show_status(arguments)


def renew_servers(arguments: argparse.Namespace) -> int:
    """Issue the servers' certificates anew."""
    from fleet_server.pki.store import CaStore

    config = loaded(arguments)
    CaStore(config.ca_dir).renew_servers(config.host_names)
    _record(config, "renewed the certificates of the servers.")
    return 0


def show_status(arguments: argparse.Namespace) -> int:
    """Print the state of a rotation."""
    from fleet_server.db import Database
    from fleet_server.devices import service
    from fleet_server.pki import certificates
    from fleet_server.pki.store import CaStore
    from fleet_server.signing import ca_rotation
    from fleet_server.signing.repository import Repository

    config = loaded(arguments)
    repository = Repository(config.tuf_dir)
    told = ca_rotation.published(repository) if repository.is_installed else []
    with Database(config.url).reading() as session:
        held = service.newest_certificates(session)
    entries = []
    for name, ca in CaStore(config.ca_dir).authorities().items():
        pem = certificates.certificate_pem(ca.certificate)
        frames = sum(certificates.is_issued_by(one, ca) for one in held)
        fingerprint = certificates.fingerprint(pem.encode())
        ends = f"{ca.certificate.not_valid_after_utc:%Y-%m-%d}"
        entries.append(
            {"role": ROLES[name], "sha256": fingerprint, "expires": ends, "told": pem in told, "frames": frames}
        )
    if getattr(arguments, "json", False):
        print(json.dumps({"v": 1, "authorities": entries}))  # noqa: T201
        return 0
    for entry in entries:
        heard = "told to frames" if entry["told"] else "not in what people signed"
        print(f"{entry['role']:9} {entry['sha256']}  until {entry['expires']}  {heard}; {entry['frames']} frames")  # noqa: T201
    return 0


def _record(config: "Config", what: str) -> None:
    from fleet_server import audit
    from fleet_server.db import Database

    with Database(config.url).transaction() as session:
        audit.record(session, ACTOR, f"{ACTOR} {what}")
