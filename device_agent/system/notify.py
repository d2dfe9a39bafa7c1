"""Tell systemd that the agent is ready and alive: one datagram on a socket, no library."""

import os
import socket
from collections.abc import Mapping

SOCKET_VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE = "WATCHDOG_USEC"

READY = "READY=1"
WATCHDOG = "WATCHDOG=1"
STOPPING = "STOPPING=1"


def send(state: str, environment: Mapping[str, str] | None = None) -> bool:
    """Send a state and return whether somebody listens; without systemd this does nothing."""
    address = (os.environ if environment is None else environment).get(SOCKET_VARIABLE, "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.connect(address)
            channel.sendall(state.encode("ascii"))
    except OSError:
        return False
    return True


def watchdog_seconds(environment: Mapping[str, str] | None = None) -> float | None:
    """Return how often systemd wants to hear from the agent at least, or None when it does not watch."""
    text = (os.environ if environment is None else environment).get(WATCHDOG_VARIABLE, "")
    return int(text) / 1_000_000 if text.isdigit() and int(text) > 0 else None
