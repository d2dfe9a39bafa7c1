"""The ingest's connection to the broker; the one file of the server that knows paho.

Messages wait in a queue until ``acknowledge`` is called for them, which is after COMMIT. Each carries the connection
it came over: an acknowledgement for an earlier connection is dropped, for its packet id may mean another message by
now, and the broker sends unacknowledged messages again anyway.
"""

import queue
import time
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from fleet_server import logs
from frame_protocol import topics

KEEPALIVE_SECONDS = 30
SESSION_EXPIRY_SECONDS = 14 * 24 * 3600
"""The broker keeps what arrives while this worker is away."""
RECEIVE_MAXIMUM = 2000
"""Unacknowledged messages at a time; bounds this process's memory to about 2000 payloads."""
RECONNECT_SECONDS = (1, 10)
AT_LEAST_ONCE = 1

log = logs.get("mqtt")


@dataclass(frozen=True)
class Delivery:
    """One message as it came from the broker."""

    connection: int
    packet: int
    topic: str
    payload: bytes


@dataclass(frozen=True)
class Credentials:
    """Files of the client certificate and the CA."""

    ca: Path
    certificate: Path
    key: Path


class Link:
    """A connection that restores itself; ``collect`` gives what came."""

    def __init__(self, client_id: str, host: str, port: int, credentials: Credentials) -> None:
        self._address = (host, port)
        self._queue: queue.Queue[Delivery] = queue.Queue()
        self._connection = 0
        self._subscribed = False
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
        )
        self._client.tls_set(str(credentials.ca), str(credentials.certificate), str(credentials.key))
        self._client.reconnect_delay_set(*RECONNECT_SECONDS)
        self._client.max_inflight_messages_set(RECEIVE_MAXIMUM)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    @property
    def subscribed(self) -> bool:
        """Whether messages arrive now."""
        return self._subscribed

    def start(self) -> None:
        """Connect in the background, again and again if need be."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_SECONDS
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            *self._address, keepalive=KEEPALIVE_SECONDS, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; the broker keeps the session."""
        self._client.disconnect()
        self._client.loop_stop()

    def collect(self, most: int, wait_seconds: float, fill_seconds: float) -> list[Delivery]:
        """Return up to ``most`` messages: wait for the first, then at most ``fill_seconds`` for more."""
        try:
            batch = [self._queue.get(timeout=wait_seconds)]
        except queue.Empty:
            return []
        deadline = time.monotonic() + fill_seconds
        while len(batch) < most:
            try:
                batch.append(self._queue.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                break
        return batch

    def acknowledge(self, deliveries: list[Delivery]) -> None:
        """Tell the broker that these are done."""
        for delivery in deliveries:
            if delivery.connection == self._connection:
                self._client.ack(delivery.packet, AT_LEAST_ONCE)

    def publish(self, topic: str, payload: bytes) -> bool:
        """Hand one message to the connection; False when there is none (the frame will ask again)."""
        return self._subscribed and self._client.publish(topic, payload, qos=1).rc == 0

    def _on_connect(
        self, client: Client, _data: object, flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            log.error("mqtt.refused", reason=str(code))
            return
        self._connection += 1
        log.info("mqtt.connected", session_present=flags.session_present)
        client.subscribe([(topics.shared(topics.TELEMETRY), 1), (topics.every_frame(topics.STATUS), 1)])

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        self._subscribed = not any(code.is_failure for code in codes)
        if not self._subscribed:
            log.error("mqtt.subscription_refused", reasons=[str(code) for code in codes])

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._subscribed = False
        self._connection += 1
        log.warning("mqtt.disconnected", reason=str(code))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._queue.put(Delivery(self._connection, message.mid, message.topic, bytes(message.payload)))
