"""Bytes from the repository: bounded in length, rate and time; downloads go on where they stopped.

A target's URL holds the hash of its content (consistent snapshots), so a partial file is continued without asking
whether the content changed; the hash over the whole file decides, and a file that fails it is fetched once more from
the start.
"""

import hashlib
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from device_agent.errors import ServerRefused, ServerUnreachable, TrustError
from device_agent.system import clock as system_clock
from device_agent.system import disk, files
from device_agent.update.retry import RetryPolicy, http_date, is_final, retry_after

HASH_ALGORITHM = "sha256"
HASH_BLOCK_BYTES = 1 << 20
SYNC_EVERY_BYTES = 8 << 20
NO_SUCH_FILE = (403, 404)
"""A static server or bucket answers either for a file that is not there."""

_CONTENT_RANGE = re.compile(r"^bytes (\d+)-(\d+)/(\d+)$")


@dataclass(frozen=True)
class Limits:
    """Bounds on one call."""

    connect_seconds: float = 15.0
    read_seconds: float = 30.0
    """Longest silence on an open connection."""
    total_seconds: float = 4 * 3600.0
    """Longest time one call works on one file; the next poll goes on from the partial file."""
    small_file_seconds: float = 300.0
    """Longest time one small file may take."""
    min_bytes_per_second: float = 512.0
    """A connection slower than this over ``rate_window_seconds`` is given up: it may be held open on purpose."""
    rate_window_seconds: float = 60.0


class _Interrupted(Exception):
    """The attempt stopped; what was written stays."""

    def __init__(self, message: str, retry_after: float | None = None, *, too_slow: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.too_slow = too_slow
        """Bytes came, and still nobody should wait for the rest of them here."""


class Fetcher:
    """Reads small files and downloads large ones below one base URL."""

    def __init__(
        self,
        client: httpx.Client,
        base_url: str,
        *,
        policy: RetryPolicy | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._policy = policy or RetryPolicy()
        self._limits = limits or Limits()
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter

    def read(self, name: str, limit: int) -> bytes | None:
        """Return the small file ``name``, at most ``limit`` bytes; None when the server has none."""
        url = f"{self._base_url}/{name}"
        for failures in range(1, self._policy.attempts + 1):
            try:
                return self._read_once(url, limit)
            except _Interrupted as error:
                if failures == self._policy.attempts:
                    raise ServerUnreachable(f"{url}: {error}; will be tried again at the next poll") from error
                self._wait(failures, error)
        return None

    def download(
        self, name: str, partial: Path, length: int, digest: str, *, algorithm: str = HASH_ALGORITHM
    ) -> None:
        """Complete the file ``partial`` from ``name``, from whichever byte it has, and return once it is synced.

        ``digest`` is the signed hash in hex; ``algorithm`` names it as hashlib does (frames: sha256).
        Raises ServerUnreachable (the partial file stays), ServerRefused, StorageError, or TrustError when a whole
        file fetched from its first byte has another hash (it is deleted).
        """
        files.make_directory(partial.parent)
        deadline = self._clock() + self._limits.total_seconds
        resumed = partial.exists()
        for _ in range(1 + resumed):
            self._fill(name, partial, length, deadline)
            if _hash(partial, algorithm) == digest:
                _settle(partial)
                return
            files.remove_file(partial)
        raise TrustError(
            f"{name}: {length} bytes came with another hash than the signed {digest}; the file was deleted, "
            "nothing is installed"
        )

    def _fill(self, name: str, partial: Path, length: int, deadline: float) -> None:
        """Fetch until ``partial`` has ``length`` bytes."""
        failures = 0
        if length == 0:
            files.atomic_write(partial, b"")
        while (have := _size(partial, length)) < length:
            try:
                self._append(f"{self._base_url}/{name}", partial, have, length, deadline)
            except _Interrupted as error:
                went_on = _size(partial, length) > have and not error.too_slow
                failures = 1 if went_on else failures + 1
                if failures >= self._policy.attempts or self._clock() > deadline:
                    raise ServerUnreachable(
                        f"{name}: {error}; {_size(partial, length)} of {length} bytes are kept and the rest is "
                        "fetched at the next poll"
                    ) from error
                self._wait(failures, error)

    def _read_once(self, url: str, limit: int) -> bytes | None:
        with self._stream(url, {}) as response:
            if response.status_code in NO_SUCH_FILE:
                return None
            _check_status(url, response, expected=(200,))
            data, begun = bytearray(), self._clock()
            for chunk in response.iter_bytes():
                data += chunk
                self._check_rate(begun, len(data), begun + self._limits.small_file_seconds)
                if len(data) > limit:
                    raise TrustError(f"{url}: at most {limit} bytes were expected, more came; nothing is installed")
            return bytes(data)

    def _append(self, url: str, partial: Path, have: int, length: int, deadline: float) -> None:
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._stream(url, headers) as response:
            if have and response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                files.remove_file(partial)
                raise _Interrupted("the server has no such range; starting from the first byte")
            _check_status(url, response, expected=(200, 206))
            start = _first_byte(response, have, length)
            self._write(response, partial, start, length, deadline)

    def _write(self, response: httpx.Response, partial: Path, start: int, length: int, deadline: float) -> None:
        begun, received, unsynced = self._clock(), 0, 0
        with (
            files.disk_errors(f"cannot write {partial}"),
            disk.reopen(partial) if start else disk.create(partial) as file,
        ):
            file.truncate(start)
            disk.sync_directory(partial.parent)  # what is fetched from here on is found again after a power cut
            try:
                for chunk in response.iter_raw():
                    received += len(chunk)
                    if _is_too_much(start + received, length):
                        file.truncate(0)
                        raise _Interrupted(f"more than the signed {length} bytes came")
                    file.write(chunk)
                    unsynced += len(chunk)
                    if unsynced >= SYNC_EVERY_BYTES:
                        file.sync()
                        unsynced = 0
                    self._check_rate(begun, received, deadline)
            except httpx.HTTPError as error:
                raise _Interrupted(f"the connection broke ({error!r})") from error
            finally:
                file.sync()
        if start + received < length:
            raise _Interrupted(f"the connection ended at byte {start + received} of {length}")

    def _check_rate(self, begun: float, received: int, deadline: float) -> None:
        now = self._clock()
        if now > deadline:
            raise _Interrupted(f"{now - begun:.0f} s were not enough")
        elapsed = now - begun
        if elapsed > self._limits.rate_window_seconds and received / elapsed < self._limits.min_bytes_per_second:
            raise _Interrupted(f"only {received / elapsed:.0f} bytes/s came", too_slow=True)

    @contextmanager
    def _stream(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        timeout = httpx.Timeout(self._limits.read_seconds, connect=self._limits.connect_seconds)
        request_headers = {"Accept-Encoding": "identity", **headers}
        try:
            with self._client.stream(
                "GET", url, headers=request_headers, timeout=timeout, follow_redirects=False
            ) as response:
                yield response
        except httpx.HTTPError as error:
            raise _Interrupted(f"the server does not answer ({error!r})") from error

    def _wait(self, failures: int, error: _Interrupted) -> None:
        self._sleep(self._policy.delay(failures, self._jitter(), error.retry_after))


def _check_status(url: str, response: httpx.Response, *, expected: tuple[int, ...]) -> None:
    """Pass what we asked for; a page of HTML or a redirect is a captive portal, not our server."""
    status = response.status_code
    if is_final(status):
        raise ServerRefused(f"{url}: the server answered {status}; asking again would not help")
    if status not in expected:
        now = http_date(response.headers.get("Date", "")) or datetime.fromtimestamp(system_clock.wall(), UTC)
        after = retry_after(response.headers.get("Retry-After", ""), now)
        raise _Interrupted(f"the server answered {status}", after)
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise _Interrupted("a web page came instead of the file; a captive portal may be waiting for a sign-in")


def _first_byte(response: httpx.Response, have: int, length: int) -> int:
    """Where the body belongs: after what we have, or at the start when the server ignored the range."""
    if response.status_code == httpx.codes.OK:
        announced = response.headers.get("Content-Length", str(length))
        if announced != str(length):
            raise _Interrupted(f"{announced} bytes are offered where {length} were signed")
        return 0
    match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != have or int(match[3]) != length:
        came = response.headers.get("Content-Range", "none")
        raise _Interrupted(f"bytes {have}- of {length} were asked for, Content-Range {came} came")
    return have


def _size(path: Path, length: int) -> int:
    """Bytes of a partial file; a file that is too long is no partial file and is deleted."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    if size > length:
        files.remove_file(path)
        return 0
    return size


def _is_too_much(size: int, length: int) -> bool:
    return size > length


def _hash(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with files.disk_errors(f"cannot read {path}"), path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _settle(path: Path) -> None:
    """Make a whole file durable with its name, also when a process that was killed has written it."""
    with files.disk_errors(f"cannot sync {path}"):
        disk.sync_file(path)
        disk.sync_directory(path.parent)
