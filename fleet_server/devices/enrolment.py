"""Enrolment (docs/protocol.md, "Enrolment"): a claim code and a certificate request become a frame.

1. the code exists                              else 403
2. it is unused, or used by this very serial    else 409
3. the serial is unknown, or known by this code else 409
4. a known frame asks with the same key         else 409; revoked: 403
5. a known frame gets its certificate again while that is good for a while and of the CA that issues, else a new one
The row of the code is locked first and serial and code are unique, so parallel first contacts make one frame.
"""

import secrets
import string
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from fleet_server import audit
from fleet_server.db import utc_now
from fleet_server.devices import claims
from fleet_server.devices.models import Certificate, ClaimCode, Frame
from fleet_server.errors import Conflict, Forbidden
from fleet_server.pki import certificates
from frame_protocol.enrolment import EnrolRequest, RenewRequest

ID_CHARACTERS = string.ascii_lowercase + string.digits
ID_LENGTH = 12
REUSE_MARGIN = timedelta(days=7)
"""A certificate is handed out again only while it lasts this much longer."""
FRESH_SHARE = 2 / 3
"""Of its life; a younger one is handed out again when it is to be renewed, so asking twice makes one."""


@dataclass(frozen=True)
class Enrolled:
    """The frame and the certificate it is to use."""

    frame_id: str
    certificate_pem: str


def enrol(
    session: Session, ca: certificates.Identity, claim_key: bytes, request: EnrolRequest, certificate_days: int
) -> Enrolled:
    """Carry out one enrolment inside the caller's transaction."""
    code = claims.find(session, claim_key, request.claim_code)  # step 1
    if code is None:
        raise Forbidden("this claim code is unknown; check it for typing errors or ask support for a new one")
    if code.serial is not None and code.serial != request.serial:  # step 2
        raise Conflict("this claim code was used by a frame with another serial; each frame needs its own")
    key_pem = certificates.public_pem(certificates.request_key(request.csr_pem))
    frame = session.scalar(select(Frame).where(Frame.serial == request.serial))
    if frame is None:
        frame = _create(session, code, request, key_pem)
    else:
        _check_known(frame, code, key_pem)
    pem = _certificate(session, ca, frame, request.csr_pem, certificate_days)
    return Enrolled(frame.id, pem)


def renew(session: Session, ca: certificates.Identity, request: RenewRequest, certificate_days: int) -> str:
    """Return a certificate (PEM) that is good for two thirds of its life at least.

    The request is signed by the key that the frame enrolled with: who has it is the frame. Somebody who repeats an
    old request gets a certificate, which is no secret, and not the key. An unknown frame and a wrong key sound alike.
    """
    key_pem = certificates.public_pem(certificates.request_key(request.csr_pem))
    frame = session.scalar(select(Frame).where(Frame.id == request.frame_id).with_for_update())
    if frame is None or frame.public_key_pem != key_pem:
        raise Forbidden("no frame of this name and key has enrolled here; ask support for a claim code")
    if frame.revoked_at is not None:
        raise Forbidden(f"{frame.id} is revoked; ask support")
    return _certificate(
        session, ca, frame, request.csr_pem, certificate_days, margin=timedelta(days=certificate_days) * FRESH_SHARE
    )


def _check_known(frame: Frame, code: ClaimCode, key_pem: str) -> None:
    """Steps 3 and 4."""
    if frame.claim_code_id != code.id:
        raise Conflict(f"serial {frame.serial} enrolled with another claim code")
    if frame.public_key_pem != key_pem:
        raise Conflict(f"serial {frame.serial} enrolled with another key; a frame keeps its key for life")
    if frame.revoked_at is not None:
        raise Forbidden(f"{frame.id} is revoked; ask support")


def _create(session: Session, code: ClaimCode, request: EnrolRequest, key_pem: str) -> Frame:
    """Make the frame; the database refuses a second one of the same serial or code."""
    now = utc_now()
    frame = Frame(
        id="frame-" + "".join(secrets.choice(ID_CHARACTERS) for _ in range(ID_LENGTH)),
        serial=request.serial,
        claim_code_id=code.id,
        hardware=request.hardware,
        timezone=request.timezone,
        public_key_pem=key_pem,
        enrolled_at=now,
    )
    code.serial, code.used_at = request.serial, now
    session.add(frame)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(f"serial {request.serial} is enrolling with another claim code") from error
    audit.record(session, frame.id, f"{frame.id} (serial {frame.serial}) enrolled with the claim code …{code.hint}.")
    return frame


def _certificate(
    session: Session,
    ca: certificates.Identity,
    frame: Frame,
    csr_pem: str,
    days: int,
    *,
    margin: timedelta = REUSE_MARGIN,
) -> str:
    """Step 5."""
    now = utc_now()
    usable = select(Certificate).where(
        Certificate.frame_id == frame.id,
        Certificate.revoked_at.is_(None),
        Certificate.expires_at > now + margin,
    )
    latest = session.scalar(usable.order_by(Certificate.issued_at.desc()).limit(1))
    if latest is not None and certificates.is_issued_by(latest.pem, ca):
        return latest.pem
    issued = certificates.issue_frame(ca, csr_pem, frame.id, now, days)
    pem = certificates.certificate_pem(issued)
    session.add(
        Certificate(
            serial_hex=certificates.serial_of(issued),
            frame_id=frame.id,
            pem=pem,
            issued_at=now,
            expires_at=issued.not_valid_after_utc,
        )
    )
    return pem
