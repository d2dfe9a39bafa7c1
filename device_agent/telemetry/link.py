"""The frame's MQTT v5 connection, and the only file here that knows paho.

One thread does everything: it connects, waits for the network, and lets its listener publish between two waits. A TLS
socket is not safe between threads, and a connection that is served in one place has one order of events.
"""

import contextlib
import random
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from device_agent.errors import ServerUnreachable
from device_agent.system import clock
from device_agent.system.backoff import delay, jittered
from frame_protocol import codec, topics
from frame_protocol.telemetry import Presence

KEEPALIVE_SECONDS = 60
SESSION_EXPIRY_SECONDS = 3600
"""The broker keeps commands for a frame that is away for less than this."""
MESSAGE_EXPIRY_SECONDS = 3600
"""Telemetry older than this is not worth a broker's memory: the outbox has it and sends it again."""
WILL_DELAY_SECONDS = 2
"""A reconnection within this is not told as an absence."""
MAX_INFLIGHT = 20
"""Messages without PUBACK; the smallest Receive Maximum of the brokers we know (mosquitto's default)."""
CONNECT_SECONDS = 10.0
TICK_SECONDS = 0.25
"""The longest an appended event waits before it is published."""
FIRST_RECONNECT_SECONDS = 1.0
LONGEST_RECONNECT_SECONDS = 120.0
STABLE_SECONDS = 30.0
"""A connection that stood this long counts as a success; the next pause is the shortest again."""
GOODBYE_SECONDS = 2.0


@dataclass(frozen=True)
class LinkSettings:
    """Where and as whom to connect; ``tls`` makes a context anew for each connection (clock and files may change)."""

    host: str
    port: int
    frame_id: str
    boot: str
    tls: Callable[[], ssl.SSLContext]


class Listener(Protocol):
    """What the owner of a link wants to know; called in the link's thread."""

    def connected(self) -> None:
        """The connection stands and the subscriptions are asked for."""

    def disconnected(self, reason: str) -> None:
        """The connection is lost or could not be made."""

    def mistrusted(self) -> None:
        """The broker answers, and one side does not accept the other's certificate."""

    def received(self, channel: str, payload: bytes) -> None:
        """A message came on one of this frame's own topics."""

    def tick(self) -> None:
        """The connection stands; publish what there is."""


class Link:
    """Keeps one connection until told to stop."""

    def __init__(self, settings: LinkSettings) -> None:
        self._settings = settings
        self._client: mqtt.Client | None = None
        self._accepted = False

    def run(self, listener: Listener, stop: threading.Event) -> None:
        """Stay connected until ``stop``; reconnect with growing, jittered pauses."""
        attempt = -1
        while not stop.is_set():
            begun = clock.monotonic()
            try:
                self._serve(listener, stop)
                reason = "the connection ended"
                refused = not self._accepted
            except (OSError, ValueError) as error:
                reason = f"{type(error).__name__}: {error}"
                refused = isinstance(error, ssl.SSLError)
            if stop.is_set():
                return
            listener.disconnected(reason)
            if refused:
                listener.mistrusted()
            attempt = 0 if clock.monotonic() - begun >= STABLE_SECONDS else attempt + 1
            pause = delay(attempt, first=FIRST_RECONNECT_SECONDS, longest=LONGEST_RECONNECT_SECONDS)
            stop.wait(jittered(pause, random.random()))  # noqa: S311 - spreads load, guards nothing

    def publish_telemetry(self, payload: bytes) -> None:
        """Hand a message to the connection; the server's acknowledgement, not this call, says that it arrived."""
        if self._client is None:
            raise ServerUnreachable("there is no connection to the broker; the outbox keeps the message")
        properties = _properties(PacketTypes.PUBLISH)
        properties.MessageExpiryInterval = MESSAGE_EXPIRY_SECONDS
        self._client.publish(topics.telemetry(self._settings.frame_id), payload, qos=1, properties=properties)

    def _serve(self, listener: Listener, stop: threading.Event) -> None:
        """Serve one connection to its end."""
        self._accepted = False
        client = self._client = self._make_client(listener)
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_SECONDS
        client.connect(
            self._settings.host, self._settings.port, KEEPALIVE_SECONDS, clean_start=False, properties=properties
        )
        try:
            while client.loop(TICK_SECONDS) == MQTTErrorCode.MQTT_ERR_SUCCESS:
                if stop.is_set():
                    self._say_goodbye(client)
                    break
                if self._accepted:
                    listener.tick()
        finally:
            self._client = None
            with contextlib.suppress(OSError, ValueError):
                client.disconnect()

    def _make_client(self, listener: Listener) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.frame_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_SECONDS
        client.tls_set_context(self._settings.tls())
        client.max_inflight_messages_set(MAX_INFLIGHT)
        properties = _properties(PacketTypes.WILLMESSAGE)
        properties.WillDelayInterval = WILL_DELAY_SECONDS
        client.will_set(self._status_topic(), self._presence(online=False), qos=1, retain=True, properties=properties)

        def on_connect(
            _c: mqtt.Client, _u: object, _f: mqtt.ConnectFlags, reason: ReasonCode, _p: Properties | None
        ) -> None:
            if reason.is_failure:
                listener.disconnected(f"the broker refuses this frame: {reason}")
                return
            client.subscribe([(topics.ack(self._settings.frame_id), 1), (topics.command(self._settings.frame_id), 1)])
            client.publish(self._status_topic(), self._presence(online=True), qos=1, retain=True)
            self._accepted = True
            listener.connected()

        def on_message(_c: mqtt.Client, _u: object, message: mqtt.MQTTMessage) -> None:
            parsed = topics.parse(message.topic)
            if parsed is not None and parsed[0] == self._settings.frame_id:
                listener.received(parsed[1], bytes(message.payload))

        client.on_connect = on_connect
        client.on_message = on_message
        return client

    def _say_goodbye(self, client: mqtt.Client) -> None:
        """Say that the frame goes on purpose, and let what is on its way out leave."""
        client.publish(self._status_topic(), self._presence(online=False), qos=1, retain=True)
        deadline = clock.monotonic() + GOODBYE_SECONDS
        while client.want_write() and clock.monotonic() < deadline:
            if client.loop(TICK_SECONDS) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return

    def _status_topic(self) -> str:
        return topics.status(self._settings.frame_id)

    def _presence(self, *, online: bool) -> bytes:
        return codec.encode(Presence(frame=self._settings.frame_id, boot=self._settings.boot, online=online))


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]
