"""Commands that change keys: make new ones, put them into a change, let people sign it, apply it (docs/runbooks)."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fleet_server.errors import ConfigurationError
from fleet_server.options import command, loaded, plain
from fleet_server.signing import passwords, roles

if TYPE_CHECKING:
    from securesystemslib.signer import Key

    from fleet_server.signing.change import Change

Subparsers = argparse._SubParsersAction
ALERT_EXIT_CODE = 3
"""Exit code of ``keys status`` when a role needs somebody soon."""


def add_key_commands(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add the commands below ``keys``."""
    person = plain(
        actions,
        "person",
        "Make new keys for one person: all of them, or those of the roles named.",
        "fleet-server keys person --person 2 --trust ceremony/frames --out person-2-new",
    )
    person.add_argument("--person", type=int, required=True, metavar="K", help="whose keys they will be")
    person.add_argument("--trust", type=Path, required=True, metavar="DIR", help="folder with the ceremony's roots")
    person.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new directory")
    _add_roles(person, roles.OFFLINE)
    add_signers(person)
    passwords.add_options(person)
    person.set_defaults(run=make_person)

    held = plain(
        actions,
        "in-token",
        "Make a key inside a PKCS#11 token; it never leaves it. PYKCS11LIB names the token's library.",
        "fleet-server keys in-token 'hsm:3?label=person-2'",
    )
    held.add_argument("uri", nargs="+", metavar="URI", help="hsm:ID?label=TOKEN; repeatable")
    held.add_argument("--curve", choices=("p256", "p384"), default="p256", help="(default: %(default)s)")
    held.add_argument("--person", type=int, default=1, metavar="K", help="whose PIN is asked for (default 1)")
    passwords.add_options(held)
    held.set_defaults(run=make_in_token)

    online = command(
        actions,
        "new-online",
        "Make new online keys on the server; the old ones stay in use until a signed change names these.",
        "fleet-server keys new-online --data DIR --out new-online.json",
    )
    online.add_argument("--out", type=Path, required=True, metavar="FILE", help="for their public halves")
    _add_roles(online, roles.SERVER_KEYS)
    add_signers(online)
    online.set_defaults(run=make_online)

    status = command(
        actions,
        "status",
        f"Print when metadata and certificates expire; exit code {ALERT_EXIT_CODE} when one needs somebody soon.",
        "fleet-server keys status --data DIR --json",
    )
    status.add_argument("--json", action="store_true", help="print it as JSON")
    status.set_defaults(run=show_status)

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
    add_signature(sign)
    add_signers(sign)
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


def add_repository_commands(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add the commands below ``repository``."""
    restore = command(
        actions,
        "restore",
        "Serve again the newest metadata that people signed, after somebody else wrote to this server's files.",
        "fleet-server repository restore --data DIR",
    )
    restore.set_defaults(run=restore_repository)


def make_person(arguments: argparse.Namespace) -> int:
    """Make a person's keys."""
    from fleet_server.pki import files
    from fleet_server.signing import apply

    secret = passwords.of_person(arguments, arguments.person)
    wanted = arguments.role or tuple(signers(arguments)) or roles.OFFLINE
    elsewhere = signers(arguments)
    made = {role: _person_key(arguments, role, elsewhere.get(role), secret) for role in wanted}
    files.write(arguments.out / "public.json", apply.public_keys(arguments.person, made), files.PUBLIC_MODE)
    for name in (f"{roles.ROOT}.json", f"{roles.DIRECTOR_ROOT}.json"):
        files.write(arguments.out / name, (arguments.trust / name).read_bytes(), files.PUBLIC_MODE)
    print(f"{arguments.out}: {', '.join(wanted)}; public halves in public.json")  # noqa: T201
    return 0


def make_online(arguments: argparse.Namespace) -> int:
    """Make online keys."""
    from fleet_server.pki import files
    from fleet_server.signing import apply
    from fleet_server.signing.repository import Repository

    elsewhere = signers(arguments)
    wanted = arguments.role or tuple(elsewhere) or roles.SERVER_KEYS
    public = apply.new_online_keys(Repository(loaded(arguments).tuf_dir), wanted, elsewhere)
    files.write(arguments.out, public, files.PUBLIC_MODE)
    print(f"{arguments.out}: {', '.join(wanted)}")  # noqa: T201
    return 0


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
    elsewhere = {role: keys.open_uri(uri, secret) for role, uri in signers(arguments).items()}
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


def make_in_token(arguments: argparse.Namespace) -> int:
    """Make keys inside a token."""
    from fleet_server.signing import token

    secret = passwords.of_person(arguments, arguments.person)
    for uri in arguments.uri:
        print(f"{uri}: key {token.generate(uri, secret, arguments.curve).keyid[:12]}")  # noqa: T201
    return 0


def _person_key(arguments: argparse.Namespace, role: str, uri: str | None, secret: str) -> "Key":
    """Make a key file, or refer to a key that a token holds; return the public half."""
    from fleet_server.signing import keys, token

    path = arguments.out / f"{role}.pem"
    if uri is None:
        return keys.generate(path, secret, holder=arguments.person)
    public = token.public_key(uri, secret)
    public.unrecognized_fields[roles.HOLDER_FIELD] = arguments.person
    keys.refer(path, uri, public)
    return public


def apply_change(arguments: argparse.Namespace) -> int:
    """Put a change in place."""
    from fleet_server.signing import apply, change, metadata
    from fleet_server.signing.director import Director
    from fleet_server.signing.repository import Repository

    directory = loaded(arguments).tuf_dir
    apply.apply(Repository(directory), Director(directory), change.load(arguments.change), metadata.now())
    print("applied")  # noqa: T201
    return 0


def show_status(arguments: argparse.Namespace) -> int:
    """Look at the expiry of everything."""
    from fleet_server.signing import metadata, status

    config, now = loaded(arguments), metadata.now()
    found = status.expiries(config)
    alerts = status.soon(found, now)
    if arguments.json:
        print(status.as_json(found, now))  # noqa: T201
        return ALERT_EXIT_CODE if alerts else 0
    for one in found:
        print(f"{one.what:22} {one.expires:%Y-%m-%d %H:%M} UTC   renewed by {one.renewed_by}")  # noqa: T201
    for one in alerts:
        print(f"soon: {status.sentence(one, now)}")  # noqa: T201
    return ALERT_EXIT_CODE if alerts else 0


def restore_repository(arguments: argparse.Namespace) -> int:
    """Go back to what people signed."""
    from fleet_server.signing import apply, metadata
    from fleet_server.signing.repository import Repository

    for role, version in apply.restore(Repository(loaded(arguments).tuf_dir), metadata.now()).items():
        print(f"{role}: version {version}")  # noqa: T201
    return 0


def _show(change: "Change") -> None:
    from fleet_server.signing.change import describe

    for line in describe(change):
        print(line)  # noqa: T201
    for name, counts in sorted(change.signatures().items()):
        print(f"{name}: " + ", ".join(f"{have} of {need} signatures" for have, need in counts))  # noqa: T201


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


def signers(arguments: argparse.Namespace) -> dict[str, str]:
    """Return role -> URI."""
    given = dict(text.partition("=")[::2] for text in arguments.signer)
    for role, uri in given.items():
        if role not in (*roles.OFFLINE, *roles.SERVER_KEYS) or not uri:
            raise ConfigurationError(f"--signer {role}={uri}: expected ROLE=URI, such as models=hsm:3?label=person-2")
    return given


def _add_roles(parser: argparse.ArgumentParser, known: tuple[str, ...]) -> None:
    parser.add_argument(
        "--role", action="append", choices=known, metavar="ROLE", help=f"one of {', '.join(known)} (default: all)"
    )
