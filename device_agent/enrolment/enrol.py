"""Enrolment: a claim code becomes an identity, once, whenever power goes.

1. The key is made and durable before anything leaves the frame.
2. What is asked is durable too: a second try asks the same with the same key, and the server answers the same.
3. The CA is known before a byte of the request is sent.
4. The answer is checked against the key and stored; ``identity.json`` comes last, so it is there whole or not at all.
5. What was asked is forgotten.
"""

from dataclasses import dataclass

import msgspec

from device_agent.enrolment import serial as serials
from device_agent.enrolment import trust
from device_agent.errors import AgentError, ServerRefused, StorageError, TrustError
from device_agent.system import clock, identity, keys, lock, tls
from device_agent.system.files import atomic_write, remove_file
from device_agent.system.home import FILE_MODE, Home, private_folder
from device_agent.system.http import DeviceHttp
from device_agent.system.identity import Identity, Record
from frame_protocol import codec
from frame_protocol.enrolment import EnrolRequest, EnrolResponse
from frame_protocol.errors import ProtocolError

ENROL_PATH = "/device/v1/enrol"


class CannotAsk(AgentError):
    """What the person gave is not enough, or contradicts what the frame already is."""

    exit_code = 2


@dataclass(frozen=True)
class Wish:
    """What the person typed."""

    server: str
    claim_code: str
    serial: str | None
    ca_pem: str | None
    ca_fingerprint: str | None
    hardware: str
    timezone: str


class Asked(msgspec.Struct, frozen=True):
    """Content of ``request.json``: what a second try must repeat."""

    serial: str
    claim_code: str


def enrol(home: Home, wish: Wish) -> Identity:
    """Return the frame's identity; ask for one where there is none yet."""
    server = wish.server.rstrip("/")
    if not server.startswith("https://"):
        raise CannotAsk(f"the server's address begins with https://, got {wish.server!r}")
    home.prepare()
    with lock.exclusive(home.root / "enrol.lock", purpose="enrol"):
        known = identity.find(home)
        if known is not None:
            return _same_server(known, server)
        key = _durable_key(home)  # step 1
        asked = _durable_request(home, wish)  # step 2
        ca = wish.ca_pem or trust.from_fingerprint(server, wish.ca_fingerprint or "")  # step 3
        answer = _ask(home, server, ca, _request(asked, wish, key))
        stored = identity.save(home, _record(answer, server, asked.serial, wish, key))  # step 4
        clock.raise_floor(home.clock_floor, clock.wall())
        remove_file(home.identity / "request.json")  # step 5
        return stored


def _same_server(known: Identity, server: str) -> Identity:
    if known.server != server:
        raise CannotAsk(
            f"this frame is {known.frame_id} of {known.server}; for another server, remove {known.folder} first"
        )
    return known


def _durable_key(home: Home) -> bytes:
    path = identity.key_file(private_folder(home.identity))
    if not path.exists():
        atomic_write(path, keys.make_key(), mode=FILE_MODE)
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}; run as the user who owns the data directory") from error


def _durable_request(home: Home, wish: Wish) -> Asked:
    path = home.identity / "request.json"
    serial = wish.serial or _stored_serial(home) or serials.find()
    if serial is None or not serials.is_valid(serial):
        raise CannotAsk(f"the serial is 4 to 40 letters, digits or dashes, got {serial!r}; give it with --serial")
    asked = Asked(serial=serial, claim_code=wish.claim_code.strip().upper())
    atomic_write(path, msgspec.json.encode(asked), mode=FILE_MODE)
    return asked


def _stored_serial(home: Home) -> str | None:
    try:
        return msgspec.json.decode((home.identity / "request.json").read_bytes(), type=Asked).serial
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _request(asked: Asked, wish: Wish, key: bytes) -> EnrolRequest:
    request = EnrolRequest(
        claim_code=asked.claim_code,
        serial=asked.serial,
        hardware=wish.hardware,
        csr_pem=keys.make_request(key, asked.serial),
        timezone=wish.timezone,
    )
    try:
        return codec.decode(codec.encode(request), EnrolRequest)
    except ProtocolError as error:
        raise CannotAsk(f"{error}; a claim code looks like ABCD-EFGH-JKLM") from error


def _ask(home: Home, server: str, ca: str, request: EnrolRequest) -> EnrolResponse:
    plausible = clock.is_plausible(clock.wall(), clock.read_floor(home.clock_floor))
    with DeviceHttp(server, tls.trusting(ca, clock_is_plausible=plausible)) as http:
        body = http.post_json(ENROL_PATH, codec.encode(request))
    try:
        return codec.decode(body, EnrolResponse)
    except ProtocolError as error:
        raise ServerRefused(f"{server} answered something that is no enrolment ({error})") from error


def _record(answer: EnrolResponse, server: str, serial: str, wish: Wish, key: bytes) -> Record:
    if not keys.certificate_matches(answer.certificate_pem, key, answer.frame_id):
        raise TrustError(f"{server} sent a certificate that is not for this frame's key; nothing was stored")
    return Record(
        frame_id=answer.frame_id,
        server=server,
        certificate_pem=answer.certificate_pem,
        ca_pem=answer.ca_pem,
        mqtt_host=answer.mqtt_host,
        mqtt_port=answer.mqtt_port,
        serial=serial,
        hardware=wish.hardware,
        timezone=wish.timezone,
    )
