"""Commands that change keys: make new ones, put them into a change, let people sign it, apply it (docs/runbooks)."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fleet_server.options import command, loaded, plain
from fleet_server.signing import passwords, roles

if TYPE_CHECKING:
    from fleet_server.signing.change import Change

Subparsers = argparse._SubParsersAction
ALERT_EXIT_CODE = 3
"""Exit code of ``repository check`` when a role needs somebody soon."""


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
    passwords.add_options(person)
    person.set_defaults(run=make_person)

    online = command(
        actions,
        "new-online",
        "Make new online keys on the server; the old ones stay in use until a signed change names these.",
        "fleet-server keys new-online --data DIR --out new-online.json",
    )
    online.add_argument("--out", type=Path, required=True, metavar="FILE", help="for their public halves")
    _add_roles(online, roles.SERVER_KEYS)
    online.set_defaults(run=make_online)

    change = command(
        actions,
        "change",
        "Make the change that puts new keys in the place of old ones, or renews everything, to be signed.",
        "fleet-server keys change --data DIR --replace new-online.json --out change",
    )
    change.add_argument(
        "--replace", type=Path, action="append", default=[], metavar="FILE", help="new public keys; repeatable"
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
    passwords.add_options(sign)
    sign.set_defaults(run=sign_change)

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
    check = command(
        actions,
        "check",
        f"Print when each role's metadata expires; exit code {ALERT_EXIT_CODE} when one needs somebody soon.",
        "fleet-server repository check --data DIR",
    )
    check.set_defaults(run=check_repository)
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
    from fleet_server.signing import apply, keys

    secret = passwords.of_person(arguments, arguments.person)
    wanted = arguments.role or roles.OFFLINE
    made = {role: keys.generate(arguments.out / f"{role}.pem", secret, holder=arguments.person) for role in wanted}
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

    wanted = arguments.role or roles.SERVER_KEYS
    public = apply.new_online_keys(Repository(loaded(arguments).tuf_dir), wanted)
    files.write(arguments.out, public, files.PUBLIC_MODE)
    print(f"{arguments.out}: {', '.join(wanted)}")  # noqa: T201
    return 0


def make_change(arguments: argparse.Namespace) -> int:
    """Build a change."""
    from fleet_server.signing import apply, change, metadata
    from fleet_server.signing.director import Director
    from fleet_server.signing.repository import Repository

    directory = loaded(arguments).tuf_dir
    before, chains = apply.published(Repository(directory), Director(directory))
    replacements = [apply.read_public_keys(path) for path in arguments.replace]
    made = change.build(before, chains, replacements, metadata.now(), arguments.out, renew=arguments.renew)
    _show(made)
    return 0


def sign_change(arguments: argparse.Namespace) -> int:
    """Add one person's signatures."""
    from fleet_server.signing import ceremony, change

    own = ceremony.person_directory(arguments.keys, arguments.person)
    person = own if own.is_dir() else arguments.keys
    loaded_change = change.load(arguments.change)
    signed = change.sign(loaded_change, person, passwords.of_person(arguments, arguments.person))
    _show(loaded_change)
    print(f"signed by person {arguments.person}: {', '.join(signed)}")  # noqa: T201
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


def check_repository(arguments: argparse.Namespace) -> int:
    """Look at the expiry of every role."""
    from fleet_server import logs
    from fleet_server.signing import apply, metadata
    from fleet_server.signing.director import Director
    from fleet_server.signing.repository import Repository

    directory = loaded(arguments).tuf_dir
    found = apply.expiries(Repository(directory), Director(directory))
    for role, expires in sorted(found.items(), key=lambda one: one[1]):
        print(f"{role:14} {expires:%Y-%m-%d %H:%M} UTC")  # noqa: T201
    alerts = apply.alerts(found, metadata.now())
    for sentence in alerts:
        print(f"soon: {sentence}; see docs/runbooks/keys.md, Renew")  # noqa: T201
        logs.get("signing").warning("metadata.expires_soon", what=sentence)
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


def _add_roles(parser: argparse.ArgumentParser, known: tuple[str, ...]) -> None:
    parser.add_argument(
        "--role", action="append", choices=known, metavar="ROLE", help=f"one of {', '.join(known)} (default: all)"
    )
