"""Which fleet CA the frame trusts: the ones that the signed targets name, once people have rotated it.

The server's own certificate is no condition for hearing of it. The metadata is signed by people, with a threshold,
and public; so a frame that slept through a whole rotation, or whose certificate is no longer accepted, fetches it
from whoever answers at the server's address and believes the signatures alone. It sends nothing but the names of
public files, and no certificate of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import httpx
import msgspec

from device_agent.errors import ServerUnreachable, TrustError
from device_agent.system import identity, keys, lock, tls
from device_agent.system.files import make_directory
from device_agent.system.home import Home
from device_agent.system.identity import Identity
from device_agent.update.fetch import Fetcher
from device_agent.update.program import trust_client
from device_agent.update.retry import RetryPolicy
from device_agent.update.trust.client import TrustClient
from frame_protocol.enrolment import FLEET_CA_FIELD

MAX_AUTHORITIES = 4
ONE_ATTEMPT = RetryPolicy(attempts=1)


def follow(home: Home) -> bool:
    """Trust the CAs that people named, and return whether that changed anything.

    Raises ServerUnreachable, TrustError or AlreadyRunning (an update is at work; ask again later).
    """
    home.prepare()
    make_directory(home.update)
    with lock.exclusive(home.update / "lock", purpose="follow the fleet CA"):
        known = identity.load(home)
        named = listed(_hear(home, known))
        if named is None or named == known.record.ca_pem:
            return False
        identity.save(home, msgspec.structs.replace(known.record, ca_pem=named))
        return True


def listed(value: object) -> str | None:
    """Return the CAs of the signed field as one PEM text; None when people never named any. Pure."""
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(pem, str) for pem in value):
        raise TrustError("the signed list of fleet CAs is no list of certificates; the frame keeps the ones it has")
    if not 1 <= len(value) <= MAX_AUTHORITIES:
        raise TrustError(f"the signed list names {len(value)} fleet CAs, expected 1 to {MAX_AUTHORITIES}")
    return "".join(keys.first_certificate(pem) for pem in cast("list[str]", value))


def _hear(home: Home, known: Identity) -> object:
    """Ask the server; if TLS with it fails, ask whoever answers."""
    try:
        with _believing(home, known, known_server=True) as client:
            client.refresh()
            return client.signed_field(FLEET_CA_FIELD)
    except ServerUnreachable:
        with _believing(home, known, known_server=False) as client:
            client.refresh()
            return client.signed_field(FLEET_CA_FIELD)


@contextmanager
def _believing(home: Home, known: Identity, *, known_server: bool) -> Iterator[TrustClient]:
    context = tls.for_identity(known, home) if known_server else tls.unverified()
    with httpx.Client(verify=context, trust_env=False, follow_redirects=False) as http:
        source = Fetcher(http, f"{known.server}/tuf/metadata", policy=ONE_ATTEMPT)
        yield trust_client(home, source)
