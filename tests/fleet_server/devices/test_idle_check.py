"""What it costs a frame to ask whether there is anything to do, counted on the wire, without TLS and with it."""

import ssl
import sys
import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from device_agent.system.http import DeviceHttp
from device_agent.update.assignment import PATH
from tests.idle.__main__ import lines
from tests.idle.measure import measure
from tests.support.wire import Wire

MOST_BYTES = 1500
MOST_WITH_TLS = 3600
"""Two certificates, their signatures and two key shares; it was 4,660 with tickets that nobody could use."""


@pytest.fixture
def wire(device_app, frame, as_frame) -> Iterator[Wire]:
    """A cable to the server's door for frames, on which the frame has shown its certificate."""
    connection = as_frame(frame).environ_base["gunicorn.socket"]

    def with_certificate(environ, start_response):
        return device_app({**environ, "gunicorn.socket": connection}, start_response)

    server = make_server("127.0.0.1", 0, with_certificate, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    cable = Wire(server.server_port)
    yield cable
    cable.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_idle_check_costs_a_kilobyte_and_a_half_at_most(wire):
    with DeviceHttp(wire.url, ssl.create_default_context()) as http:
        assert http.get_unless_nothing(PATH) is None
    assert wire.connections == 1
    assert 0 < wire.up + wire.down <= MOST_BYTES
    sys.stdout.write(f"\nwithout TLS: {wire.up} up, {wire.down} down, {wire.up + wire.down} bytes\n")


def test_with_tls_it_costs_a_handshake_more_and_no_tickets(standing_fleet):
    figures = measure(standing_fleet)
    sys.stdout.write(f"\n{lines(figures)}")
    assert figures.version == "TLSv1.3"
    assert MOST_BYTES < figures.poll.both <= MOST_WITH_TLS
    assert figures.asked_again.both <= MOST_BYTES
