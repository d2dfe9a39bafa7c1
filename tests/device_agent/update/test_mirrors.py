"""Mirrors that lie, stall, break or are somebody else, each a real server: left, and never blamed on the release."""

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from device_agent.update.fetch import Fetcher
from device_agent.update.mirrors import Mirrored
from frame_protocol.updates import ArtefactKind, UpdateState
from tests.support.tiny_models import make_model
from tests.support.updating import UpdatingFrame, order

TRUNCATE_AT = 4096
TRICKLE_BYTES = 64


class Mirror:
    """A server of the files below ``folder`` that misbehaves as ``how`` says; counts what it was asked."""

    def __init__(self, folder, how) -> None:
        self.asked: list[tuple[str, str | None]] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, given = folder / self.path.lstrip("/"), self.headers.get("Range")
                mirror.asked.append((self.path, given))
                content = path.read_bytes() if path.is_file() else b""
                start = int(given[6:-1]) if given else 0
                how(self, content, start)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def head(handler, content, start, length=None, kind="application/octet-stream"):
    """Answer 200 or 206 with headers as a good server does."""
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start if length is None else length))
    handler.send_header("Content-Type", kind)
    handler.end_headers()


def honest(handler, content, start):
    head(handler, content, start)
    handler.wfile.write(content[start:])


def lying(handler, content, start):
    head(handler, content, start)
    handler.wfile.write(bytes(len(content) - start))


def poisoning(handler, content, start):
    """Rubbish as far as the middle, then the connection breaks."""
    head(handler, content, start)
    handler.wfile.write(bytes((len(content) - start) // 2))


def trickling(handler, content, start):
    head(handler, content, start)
    try:
        for begin in range(start, len(content), TRICKLE_BYTES):
            handler.wfile.write(content[begin : begin + TRICKLE_BYTES])
            handler.wfile.flush()
            time.sleep(0.02)
    except OSError:
        return


def truncating(handler, content, start):
    """A proxy that ends every answer early, and says so in good order."""
    part = content[start : start + TRUNCATE_AT]
    head(handler, content, start, length=len(part))
    handler.wfile.write(part)


def breaking(handler, content, start):
    """A proxy that ends every answer early without a word."""
    head(handler, content, start)
    handler.wfile.write(content[start : start + TRUNCATE_AT])


def portal(handler, content, start):
    page = b"<html>Please sign in</html>"
    head(handler, page, 0, kind="text/html; charset=utf-8")
    handler.wfile.write(page)


def error(status):
    def answer(handler, content, start):
        handler.send_response(status)
        handler.send_header("Retry-After", "0")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


BAD = {
    "lies": lying,
    "poisons what was fetched": poisoning,
    "trickles": trickling,
    "truncates in good order": truncating,
    "is a captive portal": portal,
    "has no such file": error(404),
    "is overloaded": error(503),
    "is forbidden": error(403),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("base"), filler_bytes=200_000)


@pytest.fixture
def fleet(published, base):
    published.publish("base", 1, [(ArtefactKind.MODEL, base.tar)], result=base.weights)
    return published


@pytest.fixture
def frame(fleet, served, tmp_path):
    made = UpdatingFrame(tmp_path / "frame", served.url, fleet.root)
    made.assignment = order(1, "base")
    return made


@pytest.fixture
def mirror(fleet) -> Iterator:
    made = []

    def make(how) -> Mirror:
        made.append(Mirror(fleet.repository.targets, how))
        return made[-1]

    yield make
    for one in made:
        one.close()


def is_kept_at_the_first_poll(frame, base):
    journal = frame.poll()
    assert (journal.state, frame.active_weights()) == (UpdateState.KEPT, base.weights)
    assert [state for _, state in frame.reports()][-1] == "kept"
    assert frame.reasons() == []
    return True


@pytest.mark.parametrize("how", BAD.values(), ids=BAD)
def test_a_bad_mirror_is_left_for_the_next_and_the_release_is_kept(frame, mirror, base, how):
    bad, good = mirror(how), mirror(honest)
    frame.mirrors = [bad.url, good.url]
    assert is_kept_at_the_first_poll(frame, base)
    assert bad.asked
    assert good.asked


@pytest.mark.parametrize("how", BAD.values(), ids=BAD)
def test_without_a_good_mirror_the_fleet_server_is_asked(frame, mirror, base, how):
    frame.mirrors = [mirror(how).url, "http://127.0.0.1:1"]
    assert is_kept_at_the_first_poll(frame, base)


def test_a_good_mirror_spares_the_fleet_server_every_byte(frame, base, fleet, tmp_path):
    """The server has lost its targets."""
    copy = tmp_path / "copy"
    fleet.repository.targets.rename(copy)
    good = Mirror(copy, honest)
    frame.mirrors = [good.url]
    assert is_kept_at_the_first_poll(frame, base)
    good.close()


def test_a_proxy_that_breaks_every_answer_off_is_followed_to_the_end(frame, mirror, base):
    """It makes progress each time, so it is no reason to go elsewhere."""
    cutting = mirror(breaking)
    frame.mirrors = [cutting.url]
    assert is_kept_at_the_first_poll(frame, base)
    ranges = [given for _, given in cutting.asked if given]
    assert len(ranges) >= base.tar.stat().st_size // TRUNCATE_AT - 1


def test_a_mirror_that_failed_is_not_asked_again_in_the_same_poll(frame, mirror, base):
    lost = mirror(error(404))
    frame.mirrors = [lost.url]
    assert is_kept_at_the_first_poll(frame, base)
    assert len(lost.asked) == 1


def test_a_partial_file_goes_on_at_another_mirror(tmp_path, mirror, fleet):
    content = bytes(range(256)) * 400
    sha256 = hashlib.sha256(content).hexdigest()
    (fleet.repository.targets / sha256).write_bytes(content)
    first, second = mirror(breaking), mirror(honest)
    (tmp_path / "part").write_bytes(content[:1000])
    with httpx.Client() as http:
        down = Mirrored(Fetcher(http, first.url), lambda address: Fetcher(http, address))
        down.use([second.url])
        down.download(sha256, tmp_path / "part", len(content), sha256)
    assert second.asked == [(f"/{sha256}", "bytes=1000-")]
    assert first.asked == []
