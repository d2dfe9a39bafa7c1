"""The CA's files in the data directory.

ca/ca.key ca/ca.pem           the fleet CA that issues now; the key is 0600
ca/trusted.pem                every CA that is trusted now: the one that issues first
ca/next/ca.{key,pem}          during a rotation: the CA that will issue; frames are being told of it
ca/previous/ca.{key,pem}      later: the CA that issued before; certificates of frames may still be its
ca/server.key ca/server.pem   web and broker: names of the hosts in SAN
ca/ingest.key ca/ingest.pem   the ingest's client certificate; its name is the broker's user name
ca/crl.pem                    revoked certificates, a list for each CA

A rotation goes prepare, switch, retire (docs/runbooks/certificates.md); each may be cut and is then done again.
"""

import secrets
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
NEXT = "next"
PREVIOUS = "previous"
SUFFIX_BYTES = 2


class CaStore:
    """Reads and writes the files of one CA directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def ca_certificate(self) -> Path:
        """Path of the certificate of the CA that issues now."""
        return self.directory / "ca.pem"

    @property
    def trusted(self) -> Path:
        """Path of the certificates of every CA that is trusted now."""
        return self.directory / "trusted.pem"

    @property
    def crl(self) -> Path:
        """Path of the revocation list."""
        return self.directory / "crl.pem"

    def key(self, name: str) -> Path:
        """Path of a private key (``ca``, ``server``, ``ingest``, ``next/ca``, ``previous/ca``)."""
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
            raise ConfigurationError(f"{self.ca_certificate} exists; `fleet-server ca new` begins a rotation")
        now = utc_now()
        ca = certificates.make_ca(now)
        self._issue_servers(ca, hosts, now)
        files.write(self.crl, certificates.revocation_list(ca, [], now), files.PUBLIC_MODE)
        self._write("ca", ca)
        self.write_trusted()

    def load(self, name: str = "ca") -> certificates.Identity:
        """Read a key and its certificate."""
        try:
            return certificates.load_identity(self.key(name).read_bytes(), self.certificate(name).read_bytes())
        except FileNotFoundError as error:
            raise ConfigurationError(f"no {error.filename}: run `fleet-server init` first") from error

    def ca_pem(self) -> str:
        """The certificates of every trusted CA as text."""
        return "".join(self._trusted_pems())

    def write_trusted(self) -> None:
        """Bring ``trusted.pem`` up to date; a data directory of an earlier version has none."""
        wanted = self.ca_pem().encode()
        if not self.trusted.is_file() or self.trusted.read_bytes() != wanted:
            files.write(self.trusted, wanted, files.PUBLIC_MODE)

    def write_crl(self, revoked: Sequence[tuple[str, datetime]]) -> None:
        """Write the revocation lists anew: one for each CA, of all that is revoked."""
        lists = [certificates.revocation_list(ca, revoked, utc_now()) for ca in self.authorities().values()]
        files.write(self.crl, b"".join(lists), files.PUBLIC_MODE)

    def authorities(self) -> dict[str, certificates.Identity]:
        """Return the CAs that are trusted, by name; the one that issues comes first."""
        names = ["ca", *(f"{name}/ca" for name in (NEXT, PREVIOUS) if self._has(name))]
        return {name: self.load(name) for name in names}

    def prepare(self) -> None:
        """Make the CA that will issue; from now on both are trusted here."""
        for name in (NEXT, PREVIOUS):
            if self._has(name):
                raise ConfigurationError(f"{self.directory / name} exists: a rotation is under way, see `ca status`")
        now = utc_now()
        self._write(f"{NEXT}/ca", certificates.make_ca(now, f"{now:%Y-%m-%d}-{secrets.token_hex(SUFFIX_BYTES)}"))
        self.write_trusted()

    def switch(self, hosts: Sequence[str]) -> None:
        """Let the next CA issue, the servers' own certificates first; what the old one issued stays good."""
        following, current = self.load(f"{NEXT}/ca"), self.load()
        if not self._has(PREVIOUS):
            self._write(f"{PREVIOUS}/ca", current)
        self._write("ca", following)
        self._issue_servers(following, hosts, utc_now())
        for path in (self.certificate(f"{NEXT}/ca"), self.key(f"{NEXT}/ca")):
            path.unlink()
        self.write_trusted()

    def retire(self) -> None:
        """Trust what the previous CA issued no more."""
        if not self._has(PREVIOUS):
            raise ConfigurationError("no CA waits to be retired; `fleet-server ca status` shows what there is")
        for path in (self.certificate(f"{PREVIOUS}/ca"), self.key(f"{PREVIOUS}/ca")):
            path.unlink(missing_ok=True)
        self.write_trusted()

    def renew_servers(self, hosts: Sequence[str]) -> None:
        """Issue new certificates for web, broker and ingest."""
        self._issue_servers(self.load(), hosts, utc_now())

    def servers_due(self, hosts: Sequence[str], now: datetime) -> bool:
        """Whether the servers' certificates have lived two thirds of their life, or lack a name."""
        server = self.load("server").certificate
        due = [certificates.last_third_begins(self.load(name).certificate) <= now for name in ("server", "ingest")]
        return any(due) or not set(hosts) <= certificates.hosts(server)

    def _trusted_pems(self) -> list[str]:
        paths = [self.ca_certificate, *(self.certificate(f"{name}/ca") for name in (NEXT, PREVIOUS))]
        found = [path.read_text() for path in paths if path.is_file()]
        return list(dict.fromkeys(found))

    def _has(self, name: str) -> bool:
        return self.certificate(f"{name}/ca").is_file()

    def _issue_servers(self, ca: certificates.Identity, hosts: Sequence[str], now: datetime) -> None:
        names = list(dict.fromkeys([*hosts, *LOOPBACK]))
        self._write("server", certificates.issue_server(ca, SERVER_NAME, names, now, SERVER_DAYS))
        self._write("ingest", certificates.issue_client(ca, INGEST_NAME, now, SERVER_DAYS))

    def _write(self, name: str, identity: certificates.Identity) -> None:
        files.write(self.key(name), identity.key_pem)
        files.write(self.certificate(name), identity.certificate_pem, files.PUBLIC_MODE)
