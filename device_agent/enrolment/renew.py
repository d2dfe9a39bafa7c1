"""A certificate is renewed in the last third of its life, and after it: the frame's key never changes.

A power cut leaves the old certificate or the new one, both for the same key; asking again gives the same answer.
"""

from datetime import UTC, datetime

import msgspec

from device_agent.errors import ServerRefused, TrustError
from device_agent.system import clock, identity, keys, lock, tls
from device_agent.system.home import Home
from device_agent.system.http import DeviceHttp
from device_agent.system.identity import Identity
from frame_protocol import codec
from frame_protocol.enrolment import RenewRequest, RenewResponse
from frame_protocol.errors import ProtocolError

RENEW_PATH = "/device/v1/renew"
LAST_SHARE = 1 / 3


def is_due(begins: datetime, ends: datetime, now: datetime) -> bool:
    """Tell whether the last third of a certificate's life has begun. Pure."""
    return now >= ends - (ends - begins) * LAST_SHARE


def renew_if_due(home: Home) -> bool:
    """Renew the certificate if it is time, or if its CA is trusted no more; return whether a new one was stored.

    An unset clock knows no time.
    """
    known = identity.load(home)
    if not keys.is_issued_by_any(known.record.certificate_pem, known.record.ca_pem):
        return renew(home, known)
    now, floor = clock.wall(), clock.read_floor(home.clock_floor)
    if not clock.is_plausible(now, floor):
        return False
    begins, ends = keys.validity(known.record.certificate_pem)
    if not is_due(begins, ends, datetime.fromtimestamp(now, UTC)):
        return False
    return renew(home, known)


def renew(home: Home, known: Identity) -> bool:
    """Ask for a certificate and store it; return whether it differs from the one before."""
    with lock.exclusive(home.root / "enrol.lock", purpose="renew"):
        key = known.key_file.read_bytes()
        fresh = _ask(
            home, known, RenewRequest(frame_id=known.frame_id, csr_pem=keys.make_request(key, known.frame_id))
        )
        if not keys.certificate_matches(fresh, key, known.frame_id):
            raise TrustError(f"{known.server} sent a certificate that is not for this frame's key; the old one stays")
        if fresh == known.record.certificate_pem:
            return False
        identity.save(home, msgspec.structs.replace(known.record, certificate_pem=fresh))
    return True


def _ask(home: Home, known: Identity, request: RenewRequest) -> str:
    plausible = clock.is_plausible(clock.wall(), clock.read_floor(home.clock_floor))
    with DeviceHttp(known.server, tls.trusting(known.record.ca_pem, clock_is_plausible=plausible)) as http:
        body = http.post_json(RENEW_PATH, codec.encode(request))
    try:
        return codec.decode(body, RenewResponse).certificate_pem
    except ProtocolError as error:
        raise ServerRefused(f"{known.server} answered something that is no certificate ({error})") from error
