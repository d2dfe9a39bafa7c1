"""Counts every byte of an idle check between a frame's own HTTPS and a running fleet; TCP's headers are not in it."""

import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from device_agent.system import tls
from device_agent.system.http import DeviceHttp
from device_agent.update.assignment import PATH
from tests.support.running_fleet import RunningFleet
from tests.support.simulated_frame import Identity
from tests.support.wire import Wire

HOST = "localhost"
REQUEST = f"GET {PATH} HTTP/1.1\r\nHost: {HOST}:44444\r\nAccept: application/json\r\n\r\n".encode()
ANSWER = b"HTTP/1.1 204 NO CONTENT\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\nCache-Control: no-store\r\n\r\n"
READ_BYTES = 4096


@dataclass(frozen=True)
class Cost:
    """Bytes up and down."""

    up: int
    down: int

    @property
    def both(self) -> int:
        return self.up + self.down


@dataclass(frozen=True)
class Figures:
    """What was measured."""

    version: str
    poll: Cost
    """One idle check as a frame makes it: connection, handshake with both certificates, question, answer, end."""
    asked_again: Cost
    """The same question on a connection that is open."""
    resumed: Cost
    """A like question in a session that is taken up again, by a server and a client made for it."""


def measure(fleet: RunningFleet) -> Figures:
    """Let a new frame of this fleet ask."""
    who = fleet.enrolled()
    port = urlsplit(fleet.run["device_url"]).port
    assert port is not None
    first, version = _asked(who, port, 1)
    both, _ = _asked(who, port, 2)
    again = Cost(both.up - first.up, both.down - first.down)
    return Figures(version, first, again, _resumed(who, fleet.data_dir / "ca"))


def _asked(who: Identity, port: int, times: int) -> tuple[Cost, str]:
    """Ask so often on one connection, as the frame does; return its cost to the end, and TLS's version."""
    wire = Wire(port)
    with DeviceHttp(f"https://{HOST}:{wire.port}", _context(who)) as http:
        for _ in range(times):
            assert http.get_unless_nothing(PATH) is None
    wire.close()
    wire.settle()
    assert wire.connections == 1
    with _connected(who, port) as open_connection:
        return Cost(wire.up, wire.down), str(open_connection.version())


def _resumed(who: Identity, ca: Path) -> Cost:
    """Cost of a second connection to a server that keeps one context, so that it knows its own tickets."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(who.ca))
    context.load_cert_chain(ca / "server.pem", ca / "server.key")
    context.verify_mode = ssl.CERT_OPTIONAL
    client, session = _context(who), None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(2):
            thread = threading.Thread(target=_answer_once, args=(listener, context))
            thread.start()
            wire = Wire(listener.getsockname()[1])
            with (
                socket.create_connection(("127.0.0.1", wire.port)) as plain,
                client.wrap_socket(plain, server_hostname=HOST, session=session) as sock,
            ):
                sock.sendall(REQUEST)
                assert sock.recv(READ_BYTES) == ANSWER
                was_resumed, session = sock.session_reused, sock.session
            thread.join()
            wire.close()
            wire.settle()
    assert was_resumed
    return Cost(wire.up, wire.down)


def _answer_once(listener: socket.socket, context: ssl.SSLContext) -> None:
    with context.wrap_socket(listener.accept()[0], server_side=True) as sock:
        sock.recv(READ_BYTES)
        sock.sendall(ANSWER)
        sock.recv(READ_BYTES)


def _connected(who: Identity, port: int) -> ssl.SSLSocket:
    return _context(who).wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=HOST)


def _context(who: Identity) -> ssl.SSLContext:
    context = tls.trusting(who.ca.read_text(), clock_is_plausible=True)
    context.load_cert_chain(who.certificate, who.key_file)
    return context
