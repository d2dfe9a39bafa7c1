"""Private keys on disk: ed25519, PKCS#8 PEM, encrypted for people; opened as securesystemslib signers."""

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
from fleet_server.signing import roles

MIN_PASSWORD = 8


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


def open_signer(path: Path, password: str | None) -> Signer:
    """Return the signer whose key lies at ``path``."""
    if not path.is_file():
        raise ConfigurationError(f"no key {path}: name the directory that the ceremony made for this person")
    try:
        key = load_pem_private_key(path.read_bytes(), password.encode() if password is not None else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path} cannot be opened: wrong password, or not a key ({error})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} is not an ed25519 key")
    return CryptoSigner(key)
