"""Keys inside a PKCS#11 token, named ``hsm:ID?label=TOKEN``: made there, and never leaving it.

The token's library is named by the environment variable PYKCS11LIB, as securesystemslib's HSMSigner wants it. Its
keys are ECDSA on P-256 or P-384, the two that it signs with. The one file that knows python-pkcs11.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlparse

from securesystemslib.signer import HSMSigner, Key, Signature, Signer, SSlibKey

from fleet_server.errors import ConfigurationError

SCHEME = "hsm"
LIBRARY_VARIABLE = "PYKCS11LIB"
CURVES = {"p256": "secp256r1", "p384": "secp384r1"}

_one_at_a_time = threading.Lock()
"""A token knows one login for a whole process: two threads must not log in and out beside each other."""


class TokenSigner(Signer):
    """securesystemslib's HSMSigner for a program with threads, its errors said as ours."""

    def __init__(self, uri: str, public_key: Key, pin: Callable[[], str]) -> None:
        self._uri = uri
        self._signer = HSMSigner.from_priv_key_uri(uri, public_key, lambda what: pin())

    @property
    def public_key(self) -> Key:
        """The public half."""
        return self._signer.public_key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: Callable[[str], str] | None = None
    ) -> "TokenSigner":
        """Open a signer by its URI; the PIN is asked for at each signature."""
        return cls(priv_key_uri, public_key, lambda: secrets_handler("pin") if secrets_handler else "")

    def sign(self, payload: bytes) -> Signature:
        """Sign inside the token."""
        with _token(self._uri):
            return self._signer.sign(payload)


def public_key(uri: str, pin: str) -> SSlibKey:
    """Return the public half of the key that the token holds under ``uri``."""
    number, label = _parts(uri)
    with _token(uri):
        _, key = HSMSigner.import_(number, label, lambda what: pin)
    return key


def generate(uri: str, pin: str, curve: str = "p256") -> SSlibKey:
    """Make a key pair inside the token under ``uri`` and return its public half; a key there is never overwritten."""
    number, label = _parts(uri)
    with _token(uri):
        import pkcs11
        from pkcs11.util import biginteger
        from pkcs11.util.ec import encode_named_curve_parameters

        token = pkcs11.lib(os.environ[LIBRARY_VARIABLE]).get_token(token_label=label)
        with token.open(user_pin=pin, rw=True) as session:
            if list(session.get_objects({pkcs11.Attribute.ID: biginteger(number)})):
                raise ConfigurationError(f"{uri} holds a key already; it is never overwritten, take another number")
            curve_parameters = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(CURVES[curve])}
            session.create_domain_parameters(pkcs11.KeyType.EC, curve_parameters, local=True).generate_keypair(
                store=True,
                id=biginteger(number),
                label=f"liveframe {number}",
                private_template={pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False},
            )
    return public_key(uri, pin)


def _parts(uri: str) -> tuple[int, str]:
    """Return key number and token label of ``hsm:ID?label=TOKEN``."""
    parsed = urlparse(uri)
    label = dict(parse_qsl(parsed.query)).get("label", "")
    if parsed.scheme != SCHEME or not parsed.path.isdigit() or not label:
        raise ConfigurationError(f"{uri}: expected hsm:ID?label=TOKEN, such as hsm:3?label=person-2")
    return int(parsed.path), label


@contextmanager
def _token(uri: str) -> Iterator[None]:
    """Keep other threads from the token, and say in a sentence what its driver raises."""
    try:
        from pkcs11.exceptions import PKCS11Error
    except ImportError as error:
        raise ConfigurationError(f"{uri}: install python-pkcs11 (it is in requirements/server.lock)") from error
    if not os.environ.get(LIBRARY_VARIABLE):
        raise ConfigurationError(
            f"set {LIBRARY_VARIABLE} to the library of the token, such as /usr/lib/softhsm/libsofthsm2.so"
        )
    with _one_at_a_time:
        try:
            yield
        except (PKCS11Error, ValueError, RuntimeError, OSError) as error:
            said = str(error) or type(error).__name__
            raise ConfigurationError(
                f"{uri}: the token does not do it ({said}); is it there, initialised, and the PIN right?"
            ) from error
