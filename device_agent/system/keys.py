"""The frame's own key: EC P-256, made on the frame and never leaving it (the only file that knows cryptography)."""

import base64
import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from device_agent.errors import StorageError, TrustError


def make_key() -> bytes:
    """Return a new private key as PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def make_request(key_pem: bytes, serial: str) -> str:
    """Return a certificate request (PKCS#10, PEM) for the key; the server chooses the subject."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, serial)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(_load(key_pem), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode("ascii")


def sign(key_pem: bytes, data: bytes) -> str:
    """Return the base64 of the ECDSA / SHA-256 signature (DER) over ``data``."""
    return base64.b64encode(_load(key_pem).sign(data, ec.ECDSA(hashes.SHA256()))).decode("ascii")


def verify(certificate_pem: str, data: bytes, signature: str) -> bool:
    """Tell whether ``signature`` over ``data`` was made with the key of the certificate."""
    public = _certificate(certificate_pem).public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False
    try:
        public.verify(base64.b64decode(signature), data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def certificate_matches(certificate_pem: str, key_pem: bytes, frame_id: str) -> bool:
    """Tell whether the certificate is for this key and names this frame."""
    certificate = _certificate(certificate_pem)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    same_key = _public_bytes(certificate.public_key()) == _public_bytes(_load(key_pem).public_key())
    return same_key and [name.value for name in names] == [frame_id]


def fingerprint(certificate_pem: str) -> str:
    """Return the SHA-256 of the (first) certificate's DER bytes, in lower-case hex."""
    return hashlib.sha256(_certificate(certificate_pem).public_bytes(serialization.Encoding.DER)).hexdigest()


def first_certificate(certificate_pem: str) -> str:
    """Return the first certificate of a PEM text alone: what else stands there was not compared with anything."""
    return _certificate(certificate_pem).public_bytes(serialization.Encoding.PEM).decode("ascii")


def certificates(pems: str) -> list[str]:
    """Return each certificate of a PEM text, in order."""
    try:
        found = x509.load_pem_x509_certificates(pems.encode("utf-8"))
    except ValueError as error:
        raise TrustError(f"expected certificates in PEM, got something else ({error})") from error
    return [one.public_bytes(serialization.Encoding.PEM).decode("ascii") for one in found]


def is_issued_by_any(certificate_pem: str, ca_pems: str) -> bool:
    """Tell whether one of these CAs signed the certificate."""
    certificate = _certificate(certificate_pem)
    for ca in certificates(ca_pems):
        try:
            certificate.verify_directly_issued_by(_certificate(ca))
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def validity(certificate_pem: str) -> tuple[datetime, datetime]:
    """Return the moments (UTC) from which and up to which the certificate is valid."""
    certificate = _certificate(certificate_pem)
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _load(key_pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise StorageError(f"the frame's key cannot be read ({error}); enrol the frame anew") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StorageError("the frame's key is not an EC key; enrol the frame anew")
    return key


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode("utf-8"))
    except ValueError as error:
        raise TrustError(f"expected a certificate in PEM, got something else ({error})") from error


def _public_bytes(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return b""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
