"""Keys of people and of the server, opened as securesystemslib signers.

ROLE.pem           an ed25519 key, PKCS#8, encrypted for people
ROLE.signer.json   or the URI of a key that lies elsewhere, in a PKCS#11 token or a cloud's key service, with its
                   public half: whatever securesystemslib has a signer for
"""

import json
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner, Key, Signer

from fleet_server.errors import ConfigurationError
from fleet_server.pki import files
from fleet_server.signing import roles, token

MIN_PASSWORD = 8
REFERENCE_SUFFIX = ".signer.json"
PIN_VARIABLE = "FLEET_HSM_PIN"
"""Environment variable with the PIN of the server's own token."""


def generate(path: Path, password: str | None, holder: int | None = None) -> Key:
    """Make a key, store it at ``path`` (encrypted when there is a password) and return its public half.

    ``holder`` is the number of the person who will hold it; the public half says so wherever it is named.
    """
    if password is not None and len(password) < MIN_PASSWORD:
        raise ConfigurationError(f"a key's password has at least {MIN_PASSWORD} characters, this one {len(password)}")
    if path.exists():
        raise ConfigurationError(
            f"{path} exists already: a ceremony never overwrites a key; choose an empty directory"
        )
    key = Ed25519PrivateKey.generate()
    encryption = BestAvailableEncryption(password.encode()) if password is not None else NoEncryption()
    files.write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    public = CryptoSigner(key).public_key
    if holder is not None:
        public.unrecognized_fields[roles.HOLDER_FIELD] = holder
    return public


def refer(path: Path, uri: str, public: Key) -> None:
    """Write, in the place of a key file ``path``, where the key is instead."""
    if is_here(path):
        raise ConfigurationError(f"{path} or what stands for it exists already; choose an empty directory")
    document = {"v": 1, "uri": uri, "keyid": public.keyid, "key": public.to_dict()}
    files.write(reference(path), json.dumps(document, indent=1).encode(), files.PUBLIC_MODE)


def reference(path: Path) -> Path:
    """Return the file that may stand for the key file ``path``."""
    return path.with_suffix(REFERENCE_SUFFIX)


def is_here(path: Path) -> bool:
    """Whether there is a key at ``path``, or something that says where it is."""
    return path.is_file() or reference(path).is_file()


def move(source: Path, destination: Path) -> None:
    """Let a key take the place of another; after a crash in between, the same again ends it."""
    kinds = (source, destination), (reference(source), reference(destination))
    for index, (given, taken) in enumerate(kinds):
        if given.is_file():
            files.write(taken, given.read_bytes())
            kinds[1 - index][1].unlink(missing_ok=True)
            given.unlink()


def discard(path: Path) -> None:
    """Forget a key that nothing names."""
    path.unlink(missing_ok=True)
    reference(path).unlink(missing_ok=True)


def open_uri(uri: str, secret: str, public: Key | None = None) -> Signer:
    """Return the signer of a URI; the public half of a key in a token is read from there."""
    if uri.partition(":")[0] == token.SCHEME:
        return token.TokenSigner(uri, public or token.public_key(uri, secret), lambda: secret or server_pin())
    if public is None:
        raise ConfigurationError(f"{uri}: its public half must be beside it, in a file ROLE{REFERENCE_SUFFIX}")
    try:
        return Signer.from_priv_key_uri(uri, public, lambda what: secret)
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"{uri} cannot be opened: {error}") from error


def server_pin() -> str:
    """Return the PIN of the server's own token."""
    pin = os.environ.get(PIN_VARIABLE)
    if not pin:
        raise ConfigurationError(f"set {PIN_VARIABLE} to the PIN of the server's token")
    return pin


def open_signer(path: Path, password: str | None) -> Signer:
    """Return the signer whose key lies at ``path``, or where its reference says; ``password`` may be a PIN."""
    if reference(path).is_file():
        document = json.loads(reference(path).read_bytes())
        public = Key.from_dict(document["keyid"], dict(document["key"]))
        return open_uri(document["uri"], password or "", public)
    if not path.is_file():
        raise ConfigurationError(f"no key {path}: name the directory that the ceremony made for this person")
    try:
        key = load_pem_private_key(path.read_bytes(), password.encode() if password is not None else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path} cannot be opened: wrong password, or not a key ({error})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} is not an ed25519 key")
    return CryptoSigner(key)
