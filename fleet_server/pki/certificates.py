"""X.509 for the fleet: what certificates look like (pure but for random serial numbers).

EC P-256 throughout. The CA signs two kinds: servers (serverAuth, names in SAN) and clients: frames and the ingest
(clientAuth; the common name is who they are).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet_server.errors import Invalid

CA_DAYS = 20 * 365
CA_NAME = "Liveframe Fleet CA"
CLOCK_SKEW = timedelta(days=1)
"""Certificates are valid from a day before now: a frame's clock may be behind."""
CRL_DAYS = 3650
"""A revocation list must not expire by itself and lock the whole fleet out; it is rewritten at each revocation."""


@dataclass(frozen=True)
class Identity:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS#8, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def certificate_pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def load_identity(key_pem: bytes, certificate_pem: bytes) -> Identity:
    """Read a key and its certificate."""
    key = serialization.load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Invalid(f"expected an EC key, got {type(key).__name__}")
    return Identity(key, x509.load_pem_x509_certificate(certificate_pem))


def make_ca(now: datetime, suffix: str = "") -> Identity:
    """Make a fleet CA: it may sign end certificates and revocation lists, nothing below it may sign.

    A CA that follows another has a name of its own (``suffix``): revocation lists are found by the issuer's name.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{CA_NAME} {suffix}".strip())
    certificate = (
        _builder(name, name, key.public_key(), now, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(sign=False, certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Identity(key, certificate)


def issue_server(ca: Identity, common_name: str, hosts: Sequence[str], now: datetime, days: int) -> Identity:
    """Issue a certificate for the servers that frames talk to; ``hosts`` (names or addresses) go into the SAN."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(common_name), ca.certificate.subject, key.public_key(), now, days)
    builder = builder.add_extension(x509.SubjectAlternativeName([_san(host) for host in hosts]), critical=False)
    return Identity(key, _end_certificate(builder, [ExtendedKeyUsageOID.SERVER_AUTH], ca))


def issue_client(ca: Identity, common_name: str, now: datetime, days: int) -> Identity:
    """Issue a certificate for a part of the server that connects to the broker."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(common_name), ca.certificate.subject, key.public_key(), now, days)
    return Identity(key, _end_certificate(builder, [ExtendedKeyUsageOID.CLIENT_AUTH], ca))


def issue_frame(ca: Identity, csr_pem: str, frame_id: str, now: datetime, days: int) -> x509.Certificate:
    """Issue a frame's certificate. Of the request only the key is used; the server chooses everything else."""
    key = request_key(csr_pem)
    builder = _builder(_name(frame_id), ca.certificate.subject, key, now, days)
    return _end_certificate(builder, [ExtendedKeyUsageOID.CLIENT_AUTH], ca)


def request_key(csr_pem: str) -> ec.EllipticCurvePublicKey:
    """Check a certificate request (PKCS#10, EC P-256, signed by its own key) and return its key."""
    try:
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        valid = csr.is_signature_valid
        key = csr.public_key()
    except (ValueError, InvalidSignature, TypeError) as error:
        raise Invalid(f"csr_pem: expected a PKCS#10 request in PEM: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Invalid("csr_pem: expected a key on the curve P-256; make one with `device-agent enrol`")
    if not valid:
        raise Invalid("csr_pem: the request is not signed by its own key")
    return key


def is_issued_by(pem: str, ca: Identity) -> bool:
    """Whether this CA signed the certificate."""
    try:
        x509.load_pem_x509_certificate(pem.encode()).verify_directly_issued_by(ca.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def split(pems: str) -> list[str]:
    """Return each certificate of a PEM text, in order."""
    try:
        return [certificate_pem(one) for one in x509.load_pem_x509_certificates(pems.encode())]
    except ValueError as error:
        raise Invalid(f"expected certificates in PEM: {error}") from error


def hosts(certificate: x509.Certificate) -> set[str]:
    """Return the names and addresses of a server's certificate."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(one.value) for one in names}


def last_third_begins(certificate: x509.Certificate) -> datetime:
    """Return when a certificate is to be renewed."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return ends - (ends - begins) / 3


def public_pem(key: ec.EllipticCurvePublicKey) -> str:
    """The public key as text, one form for one key."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def certificate_pem(certificate: x509.Certificate) -> str:
    """The certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def serial_of(certificate: x509.Certificate) -> str:
    """The serial number as the database writes it."""
    return f"{certificate.serial_number:x}"


def serial_hex(der: bytes) -> str:
    """The serial number of a DER certificate."""
    return serial_of(x509.load_der_x509_certificate(der))


def common_name(der: bytes) -> str:
    """The common name of a DER certificate."""
    names = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def fingerprint(certificate_pem_text: bytes) -> str:
    """SHA-256 of a certificate: what a frame brings from the factory."""
    return x509.load_pem_x509_certificate(certificate_pem_text).fingerprint(hashes.SHA256()).hex()


def revocation_list(ca: Identity, revoked: Sequence[tuple[str, datetime]], now: datetime) -> bytes:
    """Return the CRL over (serial, revoked at), PEM."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.certificate.subject)
        .last_update(now - CLOCK_SKEW)
        .next_update(now + timedelta(days=CRL_DAYS))
    )
    for serial, at in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(at).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(ca.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _san(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def key_usage(*, sign: bool, certificates: bool) -> x509.KeyUsage:
    """Return what a key may do: sign data, sign certificates and their revocation, nothing else."""
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _end_certificate(
    builder: x509.CertificateBuilder,
    uses: list[x509.ObjectIdentifier],
    ca: Identity,
) -> x509.Certificate:
    """Finish a certificate that signs nothing below it."""
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(sign=True, certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False)
        .sign(ca.key, hashes.SHA256())
    )
