"""mosquitto's configuration and access rules as text (pure).

Two listeners: frames come in on one, where the certificate's name is both user name and client id, so that no frame
can take another's session; the server's own workers use the other, on loopback, with stable client ids of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from frame_protocol import topics

MAX_QUEUED_MESSAGES = 200_000
"""mosquitto's own default of 1,000 drops messages while the ingest is away."""
MAX_INFLIGHT_MESSAGES = 2_000
"""mosquitto's own default of 20 would cap the ingest's batches."""
MAX_PACKET_BYTES = 72 * 1024
"""A payload of 64 KiB with its topic and properties."""
AUTOSAVE_SECONDS = 60
SESSION_EXPIRY = "14d"


@dataclass(frozen=True)
class BrokerFiles:
    """The files in the broker's directory."""

    directory: Path

    @property
    def configuration(self) -> Path:
        """mosquitto.conf."""
        return self.directory / "mosquitto.conf"

    @property
    def rules(self) -> Path:
        """Access rules."""
        return self.directory / "acl"

    @property
    def crl(self) -> Path:
        """Copy of the revocation list."""
        return self.directory / "crl.pem"

    @property
    def ca(self) -> Path:
        """Copy of the CA's certificate."""
        return self.directory / "ca.pem"

    @property
    def certificate(self) -> Path:
        """Copy of the server's certificate."""
        return self.directory / "server.pem"

    @property
    def key(self) -> Path:
        """Copy of the server's key."""
        return self.directory / "server.key"


def configuration(
    files: BrokerFiles, *, frames_bind: str, frames_port: int, server_port: int, user: str | None
) -> str:
    """Return mosquitto.conf; ``user`` is written when mosquitto starts as root and must stay so."""
    listener = [
        f"cafile {files.ca}",
        f"certfile {files.certificate}",
        f"keyfile {files.key}",
        f"crlfile {files.crl}",
        "require_certificate true",
        "use_identity_as_username true",
        "tls_version tlsv1.2",
    ]
    lines = [
        "# Written by fleet-server at each start; changes here are lost.",
        *([f"user {user}"] if user else []),
        "allow_anonymous false",
        f"acl_file {files.rules}",
        "persistence true",
        f"persistence_location {files.directory}/",
        f"autosave_interval {AUTOSAVE_SECONDS}",
        f"persistent_client_expiration {SESSION_EXPIRY}",
        f"max_queued_messages {MAX_QUEUED_MESSAGES}",
        f"max_inflight_messages {MAX_INFLIGHT_MESSAGES}",
        f"max_packet_size {MAX_PACKET_BYTES}",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages true",
        "",
        f"listener {frames_port} {frames_bind}",
        *listener,
        "use_username_as_clientid true",
        "",
        f"listener {server_port} 127.0.0.1",
        *listener,
    ]
    return "\n".join(lines) + "\n"


def access_rules(server_names: Sequence[str], revoked_frames: Sequence[str]) -> str:
    """Return the ACL: the server's workers by name, frames by pattern below their own id, revoked frames nothing."""
    lines: list[str] = []
    for name in server_names:
        lines += [
            f"user {name}",
            f"topic read {topics.every_frame(topics.TELEMETRY)}",
            f"topic read {topics.every_frame(topics.STATUS)}",
            f"topic write {topics.every_frame(topics.ACK)}",
            f"topic write {topics.every_frame(topics.COMMAND)}",
            "",
        ]
    for frame_id in revoked_frames:
        lines += [f"user {frame_id}", f"topic deny {topics.PREFIX}/{frame_id}/#", ""]
    lines += [
        f"pattern write {topics.PREFIX}/%u/{topics.TELEMETRY}",
        f"pattern write {topics.PREFIX}/%u/{topics.STATUS}",
        f"pattern read {topics.PREFIX}/%u/{topics.ACK}",
        f"pattern read {topics.PREFIX}/%u/{topics.COMMAND}",
    ]
    return "\n".join(lines) + "\n"
