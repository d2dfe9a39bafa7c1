"""Commands of a change of keys: build it, let people sign it, put it in place (docs/runbooks)."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fleet_server.options import command, loaded, plain
from fleet_server.signing import passwords, signer_options

if TYPE_CHECKING:
    from fleet_server.signing.change import Change

Subparsers = argparse._SubParsersAction


def add_change_commands(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add the commands of a change below ``keys``."""
    change = command(
        actions,
        "change",
        "Make the change that puts new keys in the place of old ones, or renews everything, to be signed.",
        "fleet-server keys change --data DIR --replace new-online.json --out change",
    )
    change.add_argument(
        "--replace", type=Path, action="append", default=[], metavar="FILE", help="new public keys; repeatable"
    )
    change.add_argument(
        "--fleet-ca",
        type=Path,
        metavar="FILE",
        help="PEM of every fleet CA that frames are to trust, from ca new or export",
    )
    change.add_argument("--renew", action="store_true", help="sign every document anew, for its whole life")
    change.add_argument("--out", type=Path, required=True, metavar="CHANGE", help="a new directory")
    change.set_defaults(run=make_change)

    sign = plain(
        actions,
        "sign",
        "Add one person's signatures to a change, after showing what it does.",
        "fleet-server keys sign --keys ceremony --person 1 change",
    )
    sign.add_argument("change", type=Path, metavar="CHANGE", help="the change, as keys change wrote it")
    sign.add_argument("--keys", type=Path, required=True, metavar="DIR", help="OUT of the ceremony, or your own part")
    sign.add_argument("--person", type=int, required=True, metavar="K", help="which of the people signs")
    signer_options.add_signature(sign)
    signer_options.add_signers(sign)
    passwords.add_options(sign)
    sign.set_defaults(run=sign_change)

    merge = plain(
        actions,
        "merge",
        "Add signatures that people made of copies of a change on machines of their own.",
        "fleet-server keys merge change person-1.signature person-3.signature",
    )
    merge.add_argument("change", type=Path, metavar="CHANGE", help="the change, as keys change wrote it")
    merge.add_argument("signatures", type=Path, nargs="+", metavar="FILE", help="what sign --signature wrote")
    merge.set_defaults(run=merge_change)

    put = command(
        actions,
        "apply",
        "Verify a signed change and put it in place; frames follow at their next poll.",
        "fleet-server keys apply --data DIR change",
    )
    put.add_argument("change", type=Path, metavar="CHANGE", help="the signed change")
    put.set_defaults(run=apply_change)


def make_change(arguments: argparse.Namespace) -> int:
    """Build a change."""
    from fleet_server.pki.store import CaStore
    from fleet_server.signing import apply, ca_rotation, change, metadata
    from fleet_server.signing.director import Director
    from fleet_server.signing.repository import Repository

    config = loaded(arguments)
    before, chains = apply.published(Repository(config.tuf_dir), Director(config.tuf_dir))
    replacements = [apply.read_public_keys(path) for path in arguments.replace]
    fleet_ca = ca_rotation.readable(arguments.fleet_ca, CaStore(config.ca_dir)) if arguments.fleet_ca else []
    made = change.build(
        before, chains, replacements, metadata.now(), arguments.out, renew=arguments.renew, fleet_ca=fleet_ca
    )
    _show(made)
    return 0


def sign_change(arguments: argparse.Namespace) -> int:
    """Add one person's signatures."""
    from fleet_server.pki import files
    from fleet_server.signing import ceremony, change, keys, signatures

    own = ceremony.person_directory(arguments.keys, arguments.person)
    person = own if own.is_dir() else arguments.keys
    loaded_change = change.load(arguments.change)
    secret = passwords.of_person(arguments, arguments.person)
    elsewhere = {role: keys.open_uri(uri, secret) for role, uri in signer_options.given(arguments).items()}
    signed = change.sign(loaded_change, person, secret, elsewhere)
    if arguments.signature:
        files.write(arguments.signature, signatures.pack(loaded_change.after), files.PUBLIC_MODE)
    _show(loaded_change)
    print(f"signed by person {arguments.person}: {', '.join(signed)}")  # noqa: T201
    return 0


def merge_change(arguments: argparse.Namespace) -> int:
    """Add signatures from elsewhere."""
    from fleet_server.signing import change

    loaded_change = change.load(arguments.change)
    for source in arguments.signatures:
        change.merge(loaded_change, source)
    _show(loaded_change)
    return 0


def apply_change(arguments: argparse.Namespace) -> int:
    """Put a change in place."""
    from fleet_server.signing import apply, change, metadata
    from fleet_server.signing.director import Director
    from fleet_server.signing.repository import Repository

    directory = loaded(arguments).tuf_dir
    apply.apply(Repository(directory), Director(directory), change.load(arguments.change), metadata.now())
    print("applied")  # noqa: T201
    return 0


def _show(change: "Change") -> None:
    from fleet_server.signing.change import describe

    for line in describe(change):
        print(line)  # noqa: T201
    for name, counts in sorted(change.signatures().items()):
        print(f"{name}: " + ", ".join(f"{have} of {need} signatures" for have, need in counts))  # noqa: T201
