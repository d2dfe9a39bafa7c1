"""The key ceremony: every person's keys, the first root and targets, the director's root, the server's online keys.

OUT/people/person-K/{root,targets,models,firmware,seasonal,director-root}.pem   taken home by person K, encrypted
OUT/server/keys/{snapshot,timestamp,director}.pem                  goes to the server (`keys install`)
OUT/server/metadata/1.*.json                                       signed offline, public
OUT/server/director/1.root.json                                    likewise
OUT/frames/{root,director-root}.json                               go into every frame at the factory
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata

from fleet_server.errors import ConfigurationError
from fleet_server.pki import files
from fleet_server.signing import keys, metadata, roles


def person_directory(out: Path, person: int) -> Path:
    """Return where the keys of person ``person`` (from 1) lie."""
    return out / "people" / f"person-{person}"


def hold(out: Path, people: int, threshold: int, password: Callable[[int], str]) -> list[Path]:
    """Make all keys and the first metadata below ``out``; return the files that were written."""
    if not 1 <= threshold <= people:
        raise ConfigurationError(f"a threshold of {threshold} of {people} people: expected 1 to {people}")
    public: dict[str, list[Key]] = {role: [] for role in (*roles.OFFLINE, *roles.SERVER_KEYS)}
    signers: dict[str, list[Signer]] = {role: [] for role in roles.OFFLINE}
    for person in range(1, people + 1):
        secret = password(person)
        for role in roles.OFFLINE:
            path = person_directory(out, person) / f"{role}.pem"
            public[role].append(keys.generate(path, secret, holder=person))
            signers[role].append(keys.open_signer(path, secret))
    for role in roles.SERVER_KEYS:
        public[role].append(keys.generate(out / "server" / "keys" / f"{role}.pem", None))
    roots = {
        "root.json": _write_metadata(out, public, signers, threshold),
        "director-root.json": _write_director(out, public, signers, threshold),
    }
    for directory in (out / "frames", *(person_directory(out, person) for person in range(1, people + 1))):
        for name, data in roots.items():
            files.write(directory / name, data, files.PUBLIC_MODE)
    return sorted(path for path in out.rglob("*") if path.is_file())


def _write_metadata(
    out: Path, public: dict[str, list[Key]], signers: dict[str, list[Signer]], threshold: int
) -> bytes:
    """Write what the ceremony signs for the image repository, and return its root."""
    at = metadata.now()
    root = metadata.new_root(public, threshold, at)
    targets = metadata.new_targets(public, threshold, at)
    documents: dict[str, Metadata[Any]] = {roles.ROOT: root, roles.TARGETS: targets}
    lines = {line.value: metadata.empty_line(line, at) for line in roles.LINES}
    for role, document in (documents | lines).items():
        for signer in signers[role]:
            metadata.sign(document, signer)
        data = metadata.dump(document)
        files.write(out / "server" / "metadata" / f"1.{role}.json", data, files.PUBLIC_MODE)
    return metadata.dump(root)


def _write_director(
    out: Path, public: dict[str, list[Key]], signers: dict[str, list[Signer]], threshold: int
) -> bytes:
    """Write the director's root, and return it."""
    (director,) = public[roles.DIRECTOR]
    root = metadata.new_director_root(public[roles.DIRECTOR_ROOT], threshold, director, metadata.now())
    for signer in signers[roles.DIRECTOR_ROOT]:
        metadata.sign(root, signer)
    data = metadata.dump(root)
    files.write(out / "server" / "director" / "1.root.json", data, files.PUBLIC_MODE)
    return data
