import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from fleet_server.db import utc_now
from fleet_server.errors import ConfigurationError, Invalid
from fleet_server.pki import certificates
from fleet_server.pki.store import CaStore
from tests.support.simulated_frame import csr_of


@pytest.fixture
def store(tmp_path) -> CaStore:
    store = CaStore(tmp_path / "ca")
    store.create(["fleet.example"])
    return store


def test_keys_are_readable_by_their_owner_only(store):
    for name in ("ca", "server", "ingest"):
        assert stat.S_IMODE(store.key(name).stat().st_mode) == 0o600


def test_an_existing_ca_is_never_overwritten(store):
    with pytest.raises(ConfigurationError, match="exists"):
        store.create(["fleet.example"])


def test_the_server_certificate_names_its_hosts_and_loopback(store):
    names = store.load("server").certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["fleet.example", "localhost"]


def test_a_frame_certificate_is_for_clients_and_ends_the_chain(store):
    key = ec.generate_private_key(ec.SECP256R1())
    issued = certificates.issue_frame(store.load(), csr_of(key), "frame-abcd1234", utc_now(), 90)
    usage = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_a_request_with_another_kind_of_key_is_refused(store):
    key = rsa.generate_private_key(65537, 2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    with pytest.raises(Invalid, match="P-256"):
        certificates.request_key(request.public_bytes(serialization.Encoding.PEM).decode())


def test_a_request_that_is_no_request_is_refused():
    with pytest.raises(Invalid, match="PKCS#10"):
        certificates.request_key("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n")


def test_openssl_reads_the_revocation_list(store):
    store.write_crl([("1f", utc_now())])
    crl = x509.load_pem_x509_crl(store.crl.read_bytes())
    assert crl.get_revoked_certificate_by_serial_number(0x1F) is not None
    context = ssl.create_default_context(cafile=str(store.ca_certificate))
    context.load_verify_locations(str(store.crl))
