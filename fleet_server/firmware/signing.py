"""The key that firmware images are signed with, and its certificate, which every frame brings from the factory.

SWUpdate verifies a detached CMS (RFC 5652) in DER over ``sw-description`` and wants a certificate for e-mail
protection; RAUC takes the same pair. RSA, PKCS #1 v1.5 and no signed attributes: the same image gets the same bytes
again.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet_server.db import utc_now
from fleet_server.errors import ConfigurationError
from fleet_server.pki import files
from fleet_server.pki.certificates import key_usage

KEY_BITS = 3072
LIFE = timedelta(days=365 * 25)
"""A frame cannot be given another certificate than by a firmware that this one signs."""
KEY, CERTIFICATE = "firmware-key.pem", "firmware-certificate.pem"


@dataclass(frozen=True)
class Signer:
    """Key and certificate, opened."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def sign(self, data: bytes) -> bytes:
        """Return the detached CMS over ``data``, DER."""
        options = [PKCS7Options.DetachedSignature, PKCS7Options.Binary, PKCS7Options.NoAttributes]
        builder = PKCS7SignatureBuilder().set_data(data).add_signer(self.certificate, self.key, hashes.SHA256())
        return builder.sign(Encoding.DER, options)


def make(out: Path, password: str, name: str = "Liveframe firmware") -> None:
    """Make the pair in a new directory; the key is encrypted with ``password``."""
    if out.exists():
        raise ConfigurationError(f"{out} exists already; a firmware key is made once, choose a new directory")
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(key_usage(sign=True, certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    encryption = BestAvailableEncryption(password.encode())
    files.write(out / KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    files.write(out / CERTIFICATE, certificate.public_bytes(Encoding.PEM), files.PUBLIC_MODE)


def load(directory: Path, password: str) -> Signer:
    """Open the pair that ``make`` made."""
    try:
        key = load_pem_private_key((directory / KEY).read_bytes(), password.encode())
        certificate = x509.load_pem_x509_certificate((directory / CERTIFICATE).read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"{directory}: {error.strerror}; expected {KEY} and {CERTIFICATE} of 'fleet-server firmware key'"
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{directory / KEY} does not open: {error}; is the password right?") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError(f"{directory / KEY} is no RSA key; make one with 'fleet-server firmware key'")
    return Signer(key, certificate)
