"""Commands of a release: from its files to a bundle, to people's signatures, to the server."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fleet_server.errors import ConfigurationError
from fleet_server.options import plain
from fleet_server.signing import passwords, signer_options

if TYPE_CHECKING:
    from frame_protocol.updates import Line

TOKEN_VARIABLE = "FLEET_TOKEN"  # noqa: S105  the name of a variable, not a token

Subparsers = argparse._SubParsersAction


def add_release_commands(subparsers: "Subparsers[argparse.ArgumentParser]") -> None:
    """Add ``release`` and its commands."""
    release = subparsers.add_parser("release", help="build, sign and publish a release")
    actions = release.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_build(actions)
    _add_sign(actions)
    _add_merge(actions)
    _add_publish(actions)


def _add_build(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = plain(
        actions,
        "build",
        "Make the bundle of a new release, to be signed.",
        "fleet-server release build --server https://fleet.example --root ceremony/frames/root.json "
        "--line models --name nano-1.0.0 --counter 1 --artefact model:nano-1.0.0.tar --out nano-1.0.0.bundle",
    )
    _add_server(parser)
    parser.add_argument("--root", type=Path, required=True, metavar="FILE", help="root.json of the ceremony")
    parser.add_argument(
        "--line",
        choices=("models", "firmware", "seasonal"),
        default="models",
        help="product line (default: %(default)s)",
    )
    parser.add_argument("--name", required=True, help="such as nano-1.0.0; never used again")
    parser.add_argument("--counter", type=int, required=True, metavar="N", help="above every counter of the line")
    parser.add_argument("--title", default="", help="one line for people")
    parser.add_argument(
        "--artefact",
        action="append",
        required=True,
        metavar="KIND:FILE",
        help="model, model_delta, firmware or content, and the file; again for each",
    )
    parser.add_argument("--requires-base", metavar="SHA256", help="integer weights that must be active before")
    parser.add_argument(
        "--requires-hardware",
        action="append",
        default=[],
        metavar="NAME",
        help="only for this hardware; may be repeated",
    )
    parser.add_argument(
        "--requires-counter",
        action="append",
        default=[],
        metavar="LINE:N",
        help="the frame must have kept counter N of that line, such as firmware:7; again for each line",
    )
    parser.add_argument(
        "--step", action="store_true", help="every frame must keep this release before a later one of the line"
    )
    parser.add_argument("--result-weights", metavar="SHA256", help="integer weights that must be active after")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="a new directory")
    parser.set_defaults(run=build_release)


def _add_sign(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = plain(
        actions,
        "sign",
        "Check a bundle and add one person's signature.",
        "fleet-server release sign --keys ceremony --person 1 nano-1.0.0.bundle",
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the release, as release build wrote it")
    parser.add_argument(
        "--keys", type=Path, required=True, metavar="DIR", help="OUT of the ceremony, or your own part"
    )
    parser.add_argument("--person", type=int, required=True, metavar="K", help="which of the ceremony's people signs")
    signer_options.add_signature(parser)
    signer_options.add_signers(parser)
    passwords.add_options(parser)
    parser.set_defaults(run=sign_release)


def _add_merge(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = plain(
        actions,
        "merge",
        "Add signatures that people made of copies of a bundle on machines of their own.",
        "fleet-server release merge nano-1.0.0.bundle person-1.signature person-3.signature",
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the release, as release build wrote it")
    parser.add_argument("signatures", type=Path, nargs="+", metavar="FILE", help="what sign --signature wrote")
    parser.set_defaults(run=merge_release)


def _add_publish(actions: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = plain(
        actions,
        "publish",
        "Send a signed bundle to the server, which verifies it and makes it readable for frames.",
        "FLEET_TOKEN=... fleet-server release publish --server https://fleet.example nano-1.0.0.bundle",
    )
    _add_server(parser)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the release, as release build wrote it")
    parser.set_defaults(run=publish_release)


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", required=True, metavar="URL", help="the address that people use")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help=f"API token (default: variable {TOKEN_VARIABLE})"
    )
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="certificate authority of the server, if not a public one"
    )


def build_release(arguments: argparse.Namespace) -> int:
    """Build a bundle on top of what the server has published."""
    from fleet_server.signing import bundle, client
    from frame_protocol.updates import ArtefactKind, Line, Requirements

    artefacts = []
    for text in arguments.artefact:
        kind, separator, file = text.partition(":")
        if not separator or kind not in list(ArtefactKind):
            raise ConfigurationError(f"--artefact {text}: expected KIND:FILE, KIND one of {', '.join(ArtefactKind)}")
        artefacts.append((ArtefactKind(kind), Path(file)))
    plan = bundle.Plan(
        line=Line(arguments.line),
        name=arguments.name,
        counter=arguments.counter,
        title=arguments.title,
        artefacts=artefacts,
        requires=Requirements(
            hardware=arguments.requires_hardware,
            base_weights_sha256=arguments.requires_base,
            counters=_counters(arguments.requires_counter),
        ),
        result_weights_sha256=arguments.result_weights,
        step=arguments.step,
    )
    with client.connect(arguments.server, _token(arguments), arguments.ca) as server:
        built = bundle.build(plan, server.read_metadata, arguments.root.read_bytes(), arguments.out)
    have, need = built.signatures()
    print(f"{arguments.out}: {built.release.name}, {have} of {need} signatures")  # noqa: T201
    return 0


def sign_release(arguments: argparse.Namespace) -> int:
    """Add one person's signature."""
    from fleet_server.pki import files
    from fleet_server.signing import bundle, ceremony, keys, signatures

    own = ceremony.person_directory(arguments.keys, arguments.person)
    person = own if own.is_dir() else arguments.keys
    secret = passwords.of_person(arguments, arguments.person)
    given = bundle.load(arguments.bundle)
    uri = signer_options.given(arguments).get(given.line)
    signed = bundle.sign(given, person, secret, keys.open_uri(uri, secret) if uri else None)
    if arguments.signature:
        files.write(arguments.signature, signatures.pack({signed.line: signed.document}), files.PUBLIC_MODE)
    have, need = signed.signatures()
    release = signed.release
    for artefact in release.artefacts:
        print(f"  {artefact.kind} {artefact.path} {artefact.length} bytes sha256 {artefact.sha256}")  # noqa: T201
    if release.step:
        print("  a step: every frame must keep it before a later release of its line")  # noqa: T201
    print(f"{release.line} {release.name}, counter {release.counter}: {have} of {need} signatures")  # noqa: T201
    return 0


def merge_release(arguments: argparse.Namespace) -> int:
    """Add signatures from elsewhere."""
    from fleet_server.signing import bundle

    merged = bundle.load(arguments.bundle)
    for source in arguments.signatures:
        merged = bundle.merge(merged, source)
    have, need = merged.signatures()
    print(f"{merged.release.line} {merged.release.name}: {have} of {need} signatures")  # noqa: T201
    return 0


def publish_release(arguments: argparse.Namespace) -> int:
    """Send a bundle."""
    from fleet_server.signing import bundle, client

    loaded_bundle = bundle.load(arguments.bundle)
    have, need = loaded_bundle.signatures()
    if have < need:
        raise ConfigurationError(f"{arguments.bundle} has {have} of {need} signatures; let others sign it first")
    with client.connect(arguments.server, _token(arguments), arguments.ca) as server:
        answer = server.publish(loaded_bundle)
    print(f"published: {', '.join(answer.get('published', [])) or 'nothing new'}")  # noqa: T201
    return 0


def _counters(written: list[str]) -> "dict[Line, int]":
    from frame_protocol.updates import Line

    counters = {}
    for text in written:
        line, _, number = text.partition(":")
        if line not in list(Line) or not number.isdigit():
            raise ConfigurationError(f"--requires-counter {text}: expected LINE:N, LINE one of {', '.join(Line)}")
        counters[Line(line)] = int(number)
    return counters


def _token(arguments: argparse.Namespace) -> str:
    if arguments.token_file:
        return Path(arguments.token_file).read_text(encoding="ascii").strip()
    if token := os.environ.get(TOKEN_VARIABLE):
        return token
    raise ConfigurationError(f"no API token: set {TOKEN_VARIABLE} or name a file by --token-file")
