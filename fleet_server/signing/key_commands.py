"""Commands of keys: the ceremony, what the server takes over from it, new keys, and when all of them expire."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fleet_server.options import command, loaded, plain
from fleet_server.signing import passwords, roles, signer_options

if TYPE_CHECKING:
    from securesystemslib.signer import Key


Subparsers = argparse._SubParsersAction
ALERT_EXIT_CODE = 3
"""Exit code of ``keys status`` when a role needs somebody soon."""


def add_key_commands(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add the commands below ``keys``, but for those of a change."""
    _add_ceremony(actions)
    install = command(
        actions,
        "install",
        "Begin the image repository: take over OUT/server of a ceremony.",
        "fleet-server keys install --data DIR --from ceremony",
    )
    install.add_argument(
        "--from", dest="source", type=Path, required=True, metavar="OUT", help="folder that the ceremony made"
    )
    install.set_defaults(run=install_keys)

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
    signer_options.add_signers(person)
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
    signer_options.add_signers(online)
    online.set_defaults(run=make_online)

    status = command(
        actions,
        "status",
        f"Print when metadata and certificates expire; exit code {ALERT_EXIT_CODE} when one needs somebody soon.",
        "fleet-server keys status --data DIR --json",
    )
    status.add_argument("--json", action="store_true", help="print it as JSON")
    status.set_defaults(run=show_status)


def _add_ceremony(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = plain(
        actions,
        "ceremony",
        "Make every person's keys, the first signed metadata and the server's online keys.",
        "fleet-server keys ceremony --out ceremony --people 3 --threshold 2",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="a new directory, best on a fresh disk"
    )
    parser.add_argument("--people", type=int, default=3, metavar="N", help="who hold keys (default 3)")
    parser.add_argument("--threshold", type=int, default=2, metavar="K", help="who must sign (default 2)")
    passwords.add_options(parser)
    parser.set_defaults(run=hold_ceremony)


def hold_ceremony(arguments: argparse.Namespace) -> int:
    """Hold the ceremony and print what was made."""
    from fleet_server.signing import ceremony

    made = ceremony.hold(
        arguments.out, arguments.people, arguments.threshold, lambda person: passwords.of_person(arguments, person)
    )
    for path in made:
        print(path)  # noqa: T201
    return 0


def install_keys(arguments: argparse.Namespace) -> int:
    """Begin the repository."""
    from fleet_server.signing import metadata
    from fleet_server.signing.director import Director
    from fleet_server.signing.repository import Repository

    config = loaded(arguments)
    Repository(config.tuf_dir).install(arguments.source / "server", metadata.now())
    Director(config.tuf_dir).install(arguments.source / "server")
    print(f"repository begun in {config.tuf_dir}; frames trust the roots in {arguments.source / 'frames'}")  # noqa: T201
    return 0


def make_person(arguments: argparse.Namespace) -> int:
    """Make a person's keys."""
    from fleet_server.pki import files
    from fleet_server.signing import apply

    secret = passwords.of_person(arguments, arguments.person)
    wanted = arguments.role or tuple(signer_options.given(arguments)) or roles.OFFLINE
    elsewhere = signer_options.given(arguments)
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

    elsewhere = signer_options.given(arguments)
    wanted = arguments.role or tuple(elsewhere) or roles.SERVER_KEYS
    public = apply.new_online_keys(Repository(loaded(arguments).tuf_dir), wanted, elsewhere)
    files.write(arguments.out, public, files.PUBLIC_MODE)
    print(f"{arguments.out}: {', '.join(wanted)}")  # noqa: T201
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


def _add_roles(parser: argparse.ArgumentParser, known: tuple[str, ...]) -> None:
    parser.add_argument(
        "--role", action="append", choices=known, metavar="ROLE", help=f"one of {', '.join(known)} (default: all)"
    )
