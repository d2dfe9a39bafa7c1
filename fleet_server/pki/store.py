"""The CA's files in the data directory.

ca/ca.key ca/ca.pem           the fleet CA; the key is 0600
ca/server.key ca/server.pem   web and broker: names of the hosts in SAN
ca/ingest.key ca/ingest.pem   the ingest's client certificate; its name is the broker's user name
ca/crl.pem                    revoked certificates
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from fleet_server.db import utc_now
from fleet_server.errors import ConfigurationError
from fleet_server.pki import certificates, files

INGEST_NAME = "server-ingest"
SERVER_NAME = "liveframe-server"
SERVER_DAYS = 825
LOOPBACK = ("localhost", "127.0.0.1")
"""The server's own workers reach the broker under these names."""


class CaStore:
    """Reads and writes the files of one CA directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def ca_certificate(self) -> Path:
        """Path of the CA's certificate."""
        return self.directory / "ca.pem"

    @property
    def crl(self) -> Path:
        """Path of the revocation list."""
        return self.directory / "crl.pem"

    def key(self, name: str) -> Path:
        """Path of a private key (``ca``, ``server``, ``ingest``)."""
        return self.directory / f"{name}.key"

    def certificate(self, name: str) -> Path:
        """Path of a certificate."""
        return self.directory / f"{name}.pem"

    def exists(self) -> bool:
        """Whether a CA was made here."""
        return self.ca_certificate.is_file()

    def create(self, hosts: Sequence[str]) -> None:
        """Make the CA, the servers' certificates and an empty revocation list; never over an existing CA."""
        if self.exists():
            raise ConfigurationError(f"{self.ca_certificate} exists; a new CA would lock out every enrolled frame")
        now = utc_now()
        ca = certificates.make_ca(now)
        names = list(dict.fromkeys([*hosts, *LOOPBACK]))
        self._write("server", certificates.issue_server(ca, SERVER_NAME, names, now, SERVER_DAYS))
        self._write("ingest", certificates.issue_client(ca, INGEST_NAME, now, SERVER_DAYS))
        files.write(self.crl, certificates.revocation_list(ca, [], now), files.PUBLIC_MODE)
        self._write("ca", ca)

    def load(self, name: str = "ca") -> certificates.Identity:
        """Read a key and its certificate."""
        try:
            return certificates.load_identity(self.key(name).read_bytes(), self.certificate(name).read_bytes())
        except FileNotFoundError as error:
            raise ConfigurationError(f"no {error.filename}: run `fleet-server init` first") from error

    def ca_pem(self) -> str:
        """The CA's certificate as text."""
        return self.ca_certificate.read_text()

    def write_crl(self, revoked: Sequence[tuple[str, datetime]]) -> None:
        """Write the revocation list anew."""
        files.write(self.crl, certificates.revocation_list(self.load(), revoked, utc_now()), files.PUBLIC_MODE)

    def _write(self, name: str, identity: certificates.Identity) -> None:
        files.write(self.key(name), identity.key_pem)
        files.write(self.certificate(name), identity.certificate_pem, files.PUBLIC_MODE)
