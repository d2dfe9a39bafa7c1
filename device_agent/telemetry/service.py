"""Telemetry as one worker: outbox, publisher and link together, until told to stop."""

import threading
from collections.abc import Callable

import structlog

from device_agent.errors import AgentError
from device_agent.system import clock, tls
from device_agent.system.home import Home
from device_agent.system.identity import Identity
from device_agent.telemetry.link import Link, LinkSettings
from device_agent.telemetry.outbox import Outbox
from device_agent.telemetry.publisher import Publisher
from frame_protocol import codec, topics
from frame_protocol.errors import ProtocolError
from frame_protocol.telemetry import Ack, Command, CommandKind

STORAGE_PAUSE_SECONDS = 5.0
"""After an error of the disk nothing is published for this long; the connection stays."""

OnCommand = Callable[[CommandKind], None]


class TelemetryService:
    """Listens to the link and keeps the outbox moving."""

    def __init__(
        self,
        outbox: Outbox,
        identity: Identity,
        home: Home,
        *,
        boot: str,
        on_command: OnCommand,
        on_mistrust: Callable[[], None] = lambda: None,
    ) -> None:
        settings = LinkSettings(
            host=identity.record.mqtt_host,
            port=identity.record.mqtt_port,
            frame_id=identity.frame_id,
            boot=boot,
            tls=lambda: tls.for_identity(identity, home),
        )
        self._link = Link(settings)
        self._publisher = Publisher(outbox, identity.frame_id, self._link.publish_telemetry)
        self._on_command = on_command
        self._on_mistrust = on_mistrust
        self._log = structlog.get_logger("telemetry").bind(frame=identity.frame_id, boot=boot)
        self._paused_until = 0.0
        self._wanted = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``."""
        self._link.run(self, stop)

    def publish_now(self) -> None:
        """Publish everything that is left again, without waiting for the resend timer; from any thread."""
        self._wanted.set()

    def connected(self) -> None:
        """The connection stands."""
        self._log.info("link_connected")
        self._publisher.connected()

    def disconnected(self, reason: str) -> None:
        """The connection is gone."""
        self._log.warning("link_disconnected", reason=reason)

    def mistrusted(self) -> None:
        """A certificate may be of a CA that is no longer trusted, here or there."""
        self._on_mistrust()

    def received(self, channel: str, payload: bytes) -> None:
        """Take an acknowledgement or a command; what does not validate is logged and dropped."""
        try:
            if channel == topics.ACK:
                ack = codec.decode(payload, Ack)
                gone = self._publisher.acknowledge(ack, clock.monotonic())
                self._log.debug("telemetry_acknowledged", acked_boot=ack.boot, seq=ack.seq, gone=gone)
            elif channel == topics.COMMAND:
                self._on_command(codec.decode(payload, Command).kind)
        except ProtocolError as error:
            self._log.warning("payload_malformed", channel=channel, error=str(error))
        except AgentError as error:
            self._log.error("outbox_failed", error=str(error))

    def tick(self) -> None:
        """Publish what is due; an error of the disk is logged and tried again later."""
        if self._wanted.is_set():
            self._wanted.clear()
            self._publisher.connected()
        now = clock.monotonic()
        if now < self._paused_until:
            return
        try:
            self._publisher.step(now)
        except AgentError as error:
            self._paused_until = now + STORAGE_PAUSE_SECONDS
            self._log.error("outbox_failed", error=str(error))
