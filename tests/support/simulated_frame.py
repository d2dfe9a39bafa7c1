"""A frame as the server sees it: enrols, keeps an outbox, publishes, and deletes only on the server's own word."""

import ssl
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from frame_protocol import codec, topics
from frame_protocol.enrolment import EnrolRequest, EnrolResponse
from frame_protocol.telemetry import Ack, Event, Fill, Health, Playback, Presence, TelemetryMessage


def csr_of(key: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whatever the frame says")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def enrol_request(code: str, serial: str, key: ec.EllipticCurvePrivateKey) -> EnrolRequest:
    return EnrolRequest(claim_code=code, serial=serial, hardware="sim-1", csr_pem=csr_of(key))


def playback(*, completed: bool = True, fill: Fill = Fill.IDLE, model_id: str = "nano-000000000000") -> Playback:
    return Playback(
        playback_id=str(uuid.uuid4()),
        model_id=model_id,
        frames=375,
        shown=375 if completed else 200,
        dropped=0,
        seconds_watched=15.0 if completed else 8.0,
        video_seconds=15.0,
        fps=25.0,
        completed=completed,
        fill=fill,
    )


def health() -> Health:
    return Health(uptime_seconds=1.0, model_id="nano-000000000000", agent_version="0.1.0")


def new_boot() -> str:
    return uuid.uuid4().hex[:16]


@dataclass
class Identity:
    frame_id: str
    key: ec.EllipticCurvePrivateKey
    ca: Path
    certificate: Path
    key_file: Path
    mqtt_port: int

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate, self.key_file)
        return context

    def http(self, base_url: str) -> httpx.Client:
        return httpx.Client(base_url=base_url, verify=self.tls(), timeout=20)


def enrol(device_url: str, ca: Path, code: str, serial: str) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    context = ssl.create_default_context(cafile=str(ca))
    body = codec.encode(enrol_request(code, serial, key))
    answer = httpx.post(f"{device_url}device/v1/enrol", content=body, verify=context, timeout=20)
    assert answer.status_code == 200, answer.text
    enrolled = codec.decode(answer.content, EnrolResponse)
    folder = Path(tempfile.mkdtemp(dir=ca.parents[2]))
    (folder / "ca.pem").write_text(enrolled.ca_pem)
    (folder / "frame.pem").write_text(enrolled.certificate_pem)
    (folder / "frame.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Identity(
        enrolled.frame_id, key, folder / "ca.pem", folder / "frame.pem", folder / "frame.key", enrolled.mqtt_port
    )


@dataclass
class FrameSimulator:
    """Publishes its outbox in order, again every ``retry_seconds`` and after each reconnect."""

    identity: Identity
    boot: str = field(default_factory=new_boot)
    retry_seconds: float = 1.0
    outbox: dict[int, Event] = field(default_factory=dict)
    commands: list[bytes] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.next_seq = 1
        self.lock = threading.Lock()
        self.connected = threading.Event()
        frame = self.identity.frame_id
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=frame,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=True,
        )
        self.client.tls_set_context(self.identity.tls())
        self.client.reconnect_delay_set(1, 1)
        will = codec.encode(Presence(frame=frame, boot=self.boot, online=False))
        self.client.will_set(topics.status(frame), will, qos=1, retain=True)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.connected.clear()
        self.client.on_message = self._on_message

    def start(self) -> "FrameSimulator":
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self.client.connect_async("localhost", self.identity.mqtt_port, clean_start=False, properties=properties)
        self.client.loop_start()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._retry, daemon=True)
        self.thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self) -> None:
        """Lose power: the connection breaks without a goodbye."""
        self.stopping.set()
        self.thread.join()
        self.client.loop_stop()
        self.client.socket().close()

    def say(self, *events: Event) -> None:
        with self.lock:
            for event in events:
                self.outbox[self.next_seq] = event
                self.next_seq += 1
        self._publish_all()

    def wait_empty(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.outbox:
            assert time.monotonic() < deadline, f"{len(self.outbox)} messages never acknowledged by the server"
            time.sleep(0.02)

    def _publish_all(self) -> None:
        with self.lock:
            floor = min(self.outbox, default=self.next_seq)
            waiting = list(self.outbox.items())
        if not self.connected.is_set():
            return
        for seq, event in waiting:
            message = TelemetryMessage(
                frame=self.identity.frame_id, boot=self.boot, seq=seq, floor=floor, at=time.time(), event=event
            )
            self.client.publish(topics.telemetry(self.identity.frame_id), codec.encode(message), qos=1)

    def _retry(self) -> None:
        while not self.stopping.wait(self.retry_seconds):
            if self.outbox:
                self._publish_all()

    def _on_connect(self, client, _data, _flags, code, _properties) -> None:
        if code.is_failure:
            return
        frame = self.identity.frame_id
        client.subscribe([(topics.ack(frame), 1), (topics.command(frame), 1)])
        client.publish(
            topics.status(frame), codec.encode(Presence(frame=frame, boot=self.boot, online=True)), qos=1, retain=True
        )
        self.connected.set()

    def _on_message(self, _client, _data, message) -> None:
        if message.topic.endswith("/command"):
            self.commands.append(message.payload)
            return
        ack = codec.decode(message.payload, Ack)
        self.acks.append(ack)
        if ack.boot == self.boot:
            with self.lock:
                for seq in [seq for seq in self.outbox if seq <= ack.seq]:
                    del self.outbox[seq]
