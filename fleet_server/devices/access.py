"""Which frame is asking: the verified client certificate of the TLS connection.

``@requires_frame`` goes on every device call that needs an identity; ``current_frame_id()`` names it inside.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import g, request

from fleet_server.devices import service
from fleet_server.errors import Forbidden, Refused
from fleet_server.pki.certificates import common_name, serial_hex
from fleet_server.web import services

P = ParamSpec("P")
R = TypeVar("R")


class NoCertificate(Refused):
    """The connection carries no client certificate."""

    status = 401
    title = "No client certificate"


def requires_frame(view: Callable[P, R]) -> Callable[P, R]:
    """Let only frames with a valid certificate that is not revoked reach the view."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        g.frame_id = _identify()
        return view(*args, **kwargs)

    guarded.requires_frame = True  # type: ignore[attr-defined]
    return guarded


def shows_certificate(view: Callable[P, R]) -> Callable[P, R]:
    """Let only frames with a certificate of ours reach the view, whose own query must look whether it is revoked.

    For the call that thousands of frames make every few minutes: it costs one SELECT instead of two.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        g.frame_id, g.certificate_serial = _shown()
        return view(*args, **kwargs)

    guarded.requires_frame = True  # type: ignore[attr-defined]
    return guarded


def current_frame_id() -> str:
    """The id of the frame that asks; only inside ``@requires_frame`` or ``@shows_certificate``."""
    frame_id: str = g.frame_id
    return frame_id


def current_certificate() -> str:
    """The serial number of the certificate that the frame shows; only inside ``@shows_certificate``."""
    serial: str = g.certificate_serial
    return serial


def peer_certificate() -> bytes | None:
    """DER of the client certificate that TLS verified against the fleet CA, or None."""
    connection = request.environ.get("gunicorn.socket")
    if connection is None or not hasattr(connection, "getpeercert"):
        return None
    der: bytes | None = connection.getpeercert(binary_form=True)
    return der


def _shown() -> tuple[str, str]:
    """Return frame id and serial number of the certificate that the TLS layer verified."""
    der = peer_certificate()
    if der is None:
        raise NoCertificate("this call needs the client certificate that enrolment gave; none came")
    return common_name(der), serial_hex(der)


def _identify() -> str:
    """1. the TLS layer verified a certificate; 2. it was issued by us; 3. neither it nor its frame is revoked."""
    frame_id, serial = _shown()
    with services().database.reading() as session:
        if not service.certificate_valid(session, frame_id, serial):
            raise Forbidden(service.not_valid(frame_id))
    return frame_id
