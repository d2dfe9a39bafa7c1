"""TLS as the frame does it: the fleet CA and nothing else is trusted, and a clock that is not set is no hindrance."""

import ssl
from pathlib import Path

from device_agent.errors import StorageError, TrustError
from device_agent.system import clock
from device_agent.system.home import Home
from device_agent.system.identity import Identity

_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python does not name."""


def trusting(ca_pem: str, *, clock_is_plausible: bool) -> ssl.SSLContext:
    """Return a context that trusts ``ca_pem`` alone.

    A frame whose clock stands before a moment known to be past cannot judge a validity period: it checks chain and
    host name, and leaves the dates out, rather than never reaching the server that would tell it the time.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise TrustError(
            f"the fleet CA is not a certificate in PEM ({error}); take the file that came with the frame"
        ) from error
    if not clock_is_plausible:
        context.verify_flags |= _NO_CHECK_TIME
    return context


def for_identity(identity: Identity, home: Home) -> ssl.SSLContext:
    """Return a context that also presents the frame's certificate; both are read anew, for they change."""
    plausible = clock.is_plausible(clock.wall(), clock.read_floor(home.clock_floor))
    context = trusting(_read(identity.ca_file), clock_is_plausible=plausible)
    _load_chain(context, identity.certificate_file, identity.key_file)
    return context


def unverified() -> ssl.SSLContext:
    """Return a context that trusts anyone: only for what proves itself.

    That is a CA that is then compared with its fingerprint, and metadata that people signed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} cannot be read ({error}); enrol again") from error


def _load_chain(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise StorageError(f"{certificate} and {key} are not a usable pair ({error}); enrol again") from error
