"""Rules of a rotation of the fleet CA: no step before frames were told of it by what people signed."""

from pathlib import Path

from tuf.api.metadata import Targets

from fleet_server.errors import ConfigurationError, Conflict, Invalid
from fleet_server.pki import certificates
from fleet_server.pki.store import CaStore
from fleet_server.signing import change, metadata, roles
from fleet_server.signing.repository import Repository

MAX_AUTHORITIES = 4
"""As many as a frame reads."""


def readable(path: Path, store: CaStore) -> list[str]:
    """Return the certificates that frames are to trust; the CA that issues now must be among them."""
    try:
        found = certificates.split(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path}: expected certificates in PEM ({error}); ca new or ca export makes it"
        ) from error
    if not 1 <= len(found) <= MAX_AUTHORITIES:
        raise Invalid(f"{path}: {len(found)} certificates, expected 1 to {MAX_AUTHORITIES}")
    if issuing(store) not in found:
        raise Conflict(f"{path} lacks the CA that issues now: frames would no longer believe this server")
    return found


def published(repository: Repository) -> list[str]:
    """Return the CAs that the published targets name; none when a CA was never rotated."""
    document = metadata.parse(Targets, repository.state().documents[roles.TARGETS])
    return change.published_ca(document)


def check_switch(told: list[str], store: CaStore) -> None:
    """Raise Conflict unless frames were told of the next CA."""
    following = certificates.certificate_pem(store.load("next/ca").certificate)
    if following not in told:
        raise Conflict(
            "frames were not told of the next CA: let two people sign `keys change --fleet-ca`, apply it, and give "
            "frames a week to hear of it"
        )


def check_retire(told: list[str], store: CaStore) -> None:
    """Raise Conflict unless frames were told to trust the CA that issues now, and no other."""
    if told != [issuing(store)]:
        raise Conflict(
            "frames were not told to leave the previous CA: let two people sign `keys change --fleet-ca` with what "
            "`ca export --issuing` writes, and apply it"
        )


def issuing(store: CaStore) -> str:
    """Return the certificate of the CA that issues now."""
    return certificates.certificate_pem(store.load().certificate)
