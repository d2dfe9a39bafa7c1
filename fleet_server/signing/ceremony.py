"""The key ceremony: every person's keys, the first root and targets, and the server's two online keys.

OUT/people/person-K/{root,targets,models,firmware,seasonal}.pem   taken home by person K, encrypted
OUT/server/keys/{snapshot,timestamp}.pem                          goes to the server (`keys install`)
OUT/server/metadata/1.*.json                                      signed offline, public
OUT/frames/root.json                                              goes into every frame at the factory
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
    public: dict[str, list[Key]] = {role: [] for role in (*roles.OFFLINE, *roles.ONLINE)}
    signers: dict[str, list[Signer]] = {role: [] for role in roles.OFFLINE}
    for person in range(1, people + 1):
        secret = password(person)
        for role in roles.OFFLINE:
            path = person_directory(out, person) / f"{role}.pem"
            public[role].append(keys.generate(path, secret))
            signers[role].append(keys.open_signer(path, secret))
    for role in roles.ONLINE:
        public[role].append(keys.generate(out / "server" / "keys" / f"{role}.pem", None))
    root = _write_metadata(out, public, signers, threshold)
    for person in range(1, people + 1):
        files.write(person_directory(out, person) / "root.json", root, files.PUBLIC_MODE)
    return sorted(path for path in out.rglob("*") if path.is_file())


def _write_metadata(
    out: Path, public: dict[str, list[Key]], signers: dict[str, list[Signer]], threshold: int
) -> bytes:
    """Write what the ceremony signs, and return the root."""
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
    data = metadata.dump(root)
    files.write(out / "frames" / "root.json", data, files.PUBLIC_MODE)
    return data
