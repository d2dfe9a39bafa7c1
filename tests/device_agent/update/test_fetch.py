"""Downloads from a real server that cuts, lies, stalls or is somebody else."""

import hashlib
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest

from device_agent.errors import ServerRefused, ServerUnreachable, StorageError, TrustError
from device_agent.update.fetch import Fetcher, Limits
from device_agent.update.retry import RetryPolicy, is_final, retry_after
from tests.support.repository import Served

RANDOM = np.random.default_rng(4)
CONTENT = RANDOM.bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = f"models/one/{SHA256}.one.tar"
CUTS = 100


class Badly:
    """A WSGI layer that answers as ``behaviour`` says, once for each entry, then as it should."""

    def __init__(self, application, behaviour):
        self.application = application
        self.behaviour = behaviour
        self.ranges = []
        self.sent = 0

    def __call__(self, environ, start_response):
        self.ranges.append(environ.get("HTTP_RANGE"))
        act = self.behaviour.pop(0) if self.behaviour else None
        if callable(act):
            return act(environ, start_response)
        body = self.application(environ, start_response)
        return body if act is None else self.cut(body, act)

    def cut(self, body, after):
        """Send ``after`` bytes, then break the connection."""
        left = after
        for chunk in body:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                raise ConnectionResetError("cut by the test")


@pytest.fixture
def server(published):
    """Serves CONTENT; ``behave`` says how the next answers are."""
    target = published.repository.targets / NAME
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    layers = []

    def disturb(application):
        layers.append(Badly(application, []))
        return layers[0]

    served = Served(published.config, disturb)
    served.layer = layers[0]
    yield served
    served.stop()


@pytest.fixture
def waits():
    return []


@pytest.fixture
def fetcher(server, waits):
    with httpx.Client() as client:
        yield Fetcher(client, f"{server.url}/tuf/targets", sleep=waits.append, jitter=lambda: 0.5)


def page(status, body=b"", **headers):
    def answer(environ, start_response):
        sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
        start_response(f"{status} TEST", [("Content-Length", str(len(body))), *sent])
        return [body]

    return answer


def test_a_file_arrives_whole(fetcher, tmp_path):
    fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_download_goes_on_after_any_byte(fetcher, server, tmp_path, waits):
    server.layer.behaviour = RANDOM.integers(1, 4000, CUTS).tolist()
    fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert len(server.layer.ranges) == CUTS + 1
    starts = [int(given[6:-1]) for given in server.layer.ranges[1:]]
    assert starts == sorted(set(starts))


@pytest.mark.parametrize("have", [1, 2, 4095, 4096, len(CONTENT) - 1])
def test_a_partial_file_of_an_earlier_run_is_continued(fetcher, server, tmp_path, have):
    (tmp_path / "part").write_bytes(CONTENT[:have])
    fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert server.layer.ranges == [f"bytes={have}-"]
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_whole_file_needs_no_request(fetcher, server, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT)
    fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert server.layer.ranges == []


def test_a_partial_file_that_lost_its_end_in_a_power_cut_is_fetched_anew(fetcher, server, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT[:1000] + bytes(5000))
    fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert server.layer.ranges == ["bytes=6000-", None]
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_thrown_away(fetcher, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT + b"more")
    fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_server_that_ignores_the_range_is_read_from_the_start(fetcher, server, tmp_path):
    (tmp_path / "part").write_bytes(b"x" * 100)
    server.layer.behaviour = [page(200, CONTENT)]
    fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_another_file_under_that_name_is_a_trust_error_and_deleted(fetcher, server, tmp_path):
    server.layer.behaviour = [page(200, bytes(len(CONTENT)))]
    with pytest.raises(TrustError, match="hash"):
        fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert not (tmp_path / "part").exists()


def test_a_captive_portal_costs_nothing_that_was_fetched(fetcher, server, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT[:50_000])
    portal = page(200, b"<html>Please sign in</html>", Content_Type="text/html; charset=utf-8")
    server.layer.behaviour = [portal] * 5
    with pytest.raises(ServerUnreachable, match="captive portal"):
        fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert (tmp_path / "part").read_bytes() == CONTENT[:50_000]


def test_a_redirect_is_not_followed(fetcher, server, tmp_path):
    server.layer.behaviour = [page(302, Location="http://127.0.0.1:1/login")] * 5
    with pytest.raises(ServerUnreachable, match="302"):
        fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_no_is_taken_for_an_answer(fetcher, server, tmp_path, status):
    server.layer.behaviour = [page(status)] * 5
    with pytest.raises(ServerRefused, match=str(status)):
        fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert len(server.layer.ranges) == 1


def test_retry_after_is_obeyed(fetcher, server, tmp_path, waits):
    server.layer.behaviour = [page(503, Retry_After="17"), page(429, Retry_After="999")]
    fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert waits == [17.0, RetryPolicy().cap_seconds]


def test_retry_after_may_be_a_date_by_the_servers_own_clock(tmp_path):
    busy = {"Date": "Fri, 25 Dec 2026 08:00:00 GMT", "Retry-After": "Fri, 25 Dec 2026 08:00:23 GMT"}
    answers = iter([httpx.Response(503, headers=busy), httpx.Response(200, content=iter([CONTENT]))])
    waits = []
    with httpx.Client(transport=httpx.MockTransport(lambda request: next(answers))) as client:
        fetcher = Fetcher(client, "http://server", sleep=waits.append)
        fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert waits == [23.0]


@pytest.mark.parametrize(
    "said",
    [
        "soon",
        "",
        "-5",
        "1.5",
        "\u00b2",
        "Fri, 25 Dec 2026 99:00:00 GMT",
        "Fri, 25 Dec 99999999999999999999 08:00:00 GMT",
        "9" * 400,
    ],
)
def test_a_retry_after_that_means_nothing_never_breaks_the_wait(said):
    wait = RetryPolicy().delay(1, 0.5, retry_after(said, datetime(2026, 12, 25, tzinfo=UTC)))
    assert wait in (0.75, RetryPolicy().cap_seconds)


def test_a_retry_after_that_has_passed_asks_for_nothing():
    assert retry_after("Fri, 25 Dec 2026 08:00:00 GMT", datetime(2026, 12, 26, tzinfo=UTC)) == 0.0
    assert retry_after("Fri, 25 Dec 2026 08:00:10 -0000", datetime(2026, 12, 25, 8, tzinfo=UTC)) == 10.0


def test_a_server_that_stays_down_is_left_until_the_next_poll(fetcher, server, tmp_path, waits):
    server.layer.behaviour = [page(500)] * 50
    with pytest.raises(ServerUnreachable, match="500"):
        fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert waits == [0.75, 1.5, 3.0, 6.0]


def test_more_bytes_than_were_signed_are_not_kept(fetcher, server, tmp_path):
    def endless(environ, start_response):
        start_response("200 OK", [])
        return iter([CONTENT, b"and more"])

    server.layer.behaviour = [endless] * 5
    with pytest.raises(ServerUnreachable, match="more than"):
        fetcher.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
    assert (tmp_path / "part").stat().st_size <= len(CONTENT)


def give_up_on_a_trickle(server, part: Path, attempts: int) -> None:
    """Download from a server that is too slow by the clock, until the fetcher has had enough."""
    ticks = iter(range(0, 10_000, 50))
    with httpx.Client() as client:
        slow = Fetcher(
            client,
            f"{server.url}/tuf/targets",
            clock=lambda: float(next(ticks)),
            sleep=lambda seconds: None,
            limits=Limits(min_bytes_per_second=100_000),
            policy=RetryPolicy(attempts=attempts),
        )
        with pytest.raises(ServerUnreachable, match="bytes/s"):
            slow.download(NAME, part, len(CONTENT), SHA256)
    assert 0 < part.stat().st_size < len(CONTENT)


def test_a_connection_that_only_trickles_is_given_up(server, tmp_path):
    give_up_on_a_trickle(server, tmp_path / "part", attempts=1)


def test_a_server_that_trickles_for_ever_is_left_although_every_attempt_brings_bytes(server, tmp_path):
    """Or it would hold a frame for hours."""
    give_up_on_a_trickle(server, tmp_path / "part", attempts=3)
    assert len(server.layer.ranges) == 3


def test_a_server_that_is_not_there_is_unreachable(tmp_path):
    with httpx.Client() as client:
        nowhere = Fetcher(client, "http://127.0.0.1:1", sleep=lambda seconds: None)
        with pytest.raises(ServerUnreachable):
            nowhere.download(NAME, tmp_path / "part", len(CONTENT), SHA256)
        with pytest.raises(ServerUnreachable):
            nowhere.read("timestamp.json", 100)


def test_a_small_file_is_read_within_its_limit(fetcher, server):
    assert fetcher.read("no/such/file", 10) is None
    server.layer.behaviour = [page(200, b"x" * 11)]
    with pytest.raises(TrustError, match="at most 10"):
        fetcher.read(NAME, 10)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import httpx
from device_agent.errors import StorageError
from device_agent.update.fetch import Fetcher
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
url, name, part, length, sha256 = sys.argv[1:]
try:
    with httpx.Client() as client:
        Fetcher(client, url).download(name, Path(part), int(length), sha256)
except StorageError as error:
    sys.exit(error.exit_code)
"""


def test_a_full_disk_is_a_storage_error_and_the_rest_is_fetched_later(server, fetcher, tmp_path):
    """The kernel refuses to let the file grow, as a full disk does."""
    part = tmp_path / "part"
    arguments = [f"{server.url}/tuf/targets", NAME, str(part), str(len(CONTENT)), SHA256]
    done = subprocess.run([sys.executable, "-c", FULL_DISK, *arguments], check=False, timeout=60)
    assert done.returncode == StorageError.exit_code
    assert part.read_bytes() == CONTENT[: part.stat().st_size]
    fetcher.download(NAME, part, len(CONTENT), SHA256)
    assert part.read_bytes() == CONTENT


def test_the_wait_doubles_up_to_its_cap():
    policy = RetryPolicy(base_seconds=1, cap_seconds=10)
    assert [policy.delay(n, 1.0) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert policy.delay(1, 0.0) == 0.5
    assert policy.delay(1, 0.0, 7) == 7


@pytest.mark.parametrize(("status", "final"), [(404, True), (403, True), (408, False), (429, False), (500, False)])
def test_only_a_clear_no_is_final(status, final):
    assert is_final(status) is final
