"""Enrolment: a claim code and a certificate request become a frame's identity; later its certificate is renewed."""

from typing import Annotated

from msgspec import Meta

from frame_protocol.codec import Versioned
from frame_protocol.names import FrameId, ShortText

FLEET_CA_FIELD = "x-liveframe-fleet-ca"
"""Field of the signed top-level targets: the certificates (PEM) of every CA that frames are to trust now."""

Pem = Annotated[str, Meta(max_length=16_384)]


class EnrolRequest(Versioned, kw_only=True, frozen=True):
    """Frame to server, POST /device/v1/enrol. The same serial and key may ask again: the answer is the same frame."""

    claim_code: Annotated[str, Meta(pattern=r"^[A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4}\Z")]
    serial: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{4,40}\Z")]
    hardware: ShortText
    csr_pem: Pem
    """PKCS#10, EC P-256; the server chooses the subject."""
    timezone: ShortText = "UTC"


class RenewRequest(Versioned, kw_only=True, frozen=True):
    """Frame to server, POST /device/v1/renew: the key proves who asks, so an expired certificate is no hindrance."""

    frame_id: FrameId
    csr_pem: Pem
    """PKCS#10, signed by the key that the frame enrolled with."""


class RenewResponse(Versioned, kw_only=True, frozen=True):
    """Server to frame."""

    certificate_pem: Pem


class EnrolResponse(Versioned, kw_only=True, frozen=True):
    """Server to frame."""

    frame_id: FrameId
    certificate_pem: Pem
    ca_pem: Pem
    mqtt_host: ShortText
    mqtt_port: Annotated[int, Meta(ge=1, le=65535)]
