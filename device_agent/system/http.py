"""HTTPS to the fleet server, its errors translated: the only file of enrolment and complaints that knows httpx."""

import ssl
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from types import TracebackType

import httpx

from device_agent.errors import ServerRefused, ServerUnreachable
from device_agent.system import clock
from device_agent.system.files import disk_errors

CONNECT_SECONDS = 10.0
TRANSFER_SECONDS = 60.0
"""The longest silence that is borne in the middle of a transfer."""
ANSWER_SECONDS = 300.0
"""The longest that one answer may take, however steadily it trickles."""
MAX_ANSWER_BYTES = 256 * 1024
"""No JSON answer of the contract comes near this."""
UPLOAD_CHUNK_BYTES = 256 * 1024


class Refusal(ServerRefused):
    """An answer that says no; ``status`` tells which no."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class DeviceHttp:
    """Calls on one server: ServerUnreachable is worth trying again, ServerRefused is an answer that says no."""

    def __init__(self, server: str, tls: ssl.SSLContext) -> None:
        self._server = server.rstrip("/")
        self._client = httpx.Client(
            verify=tls,
            timeout=httpx.Timeout(TRANSFER_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> "DeviceHttp":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str) -> bytes:
        """Return the body of a successful GET."""
        return self._exchange("GET", path)[1]

    def get_unless_nothing(self, path: str) -> bytes | None:
        """Return the body of a successful GET; None for 204. An empty body is a body: somebody cut it off."""
        status, body = self._exchange("GET", path)
        return None if status == HTTPStatus.NO_CONTENT else body

    def post_json(self, path: str, body: bytes) -> bytes:
        """POST JSON and return the body of the answer."""
        return self._call("POST", path, content=body, media_type="application/json")

    def put_json(self, path: str, body: bytes) -> bytes:
        """PUT JSON and return the body of the answer."""
        return self._call("PUT", path, content=body, media_type="application/json")

    def put_file(self, path: str, file: Path, *, media_type: str) -> None:
        """PUT a file, streamed from the disk."""
        with disk_errors(f"cannot read {file}"):
            length = file.stat().st_size
        self._call("PUT", path, content=_chunks(file), media_type=media_type, length=length)

    def _call(
        self, method: str, path: str, *, content: bytes | Iterator[bytes], media_type: str, length: int | None = None
    ) -> bytes:
        return self._exchange(method, path, content=content, media_type=media_type, length=length)[1]

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Iterator[bytes] | None = None,
        media_type: str | None = None,
        length: int | None = None,
    ) -> tuple[int, bytes]:
        headers = {"Accept": "application/json"}
        if media_type is not None:
            headers["Content-Type"] = media_type
        if length is not None:
            headers["Content-Length"] = str(length)
        url = self._server + path
        try:
            with self._client.stream(method, url, content=content, headers=headers) as response:
                body = _bounded(response)
        except httpx.TransportError as error:
            raise ServerUnreachable(
                f"{method} {url}: {error or type(error).__name__}; check the address and the network, then try again"
            ) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ServerRefused(f"{url} is not an address; expected https://host[:port]") from error
        return response.status_code, _accept(method, url, response.status_code, body)


def _accept(method: str, url: str, status: int, body: bytes) -> bytes:
    if status < 300:
        return body
    said = body[:300].decode("utf-8", errors="replace").strip()
    message = f"{method} {url}: the server answered {status} ({said or 'no detail'})"
    if status >= 500 or status in (408, 425, 429):
        raise ServerUnreachable(f"{message}; it will be tried again")
    raise Refusal(message, status)


def _bounded(response: httpx.Response) -> bytes:
    body, begun = b"", clock.monotonic()
    for chunk in response.iter_bytes():
        body += chunk
        if clock.monotonic() - begun > ANSWER_SECONDS:
            raise ServerUnreachable(f"{response.url}: {ANSWER_SECONDS:.0f} s were not enough; it will be tried again")
        if len(body) > MAX_ANSWER_BYTES:
            raise ServerRefused(f"{response.url}: more than {MAX_ANSWER_BYTES} bytes came; is this the fleet server?")
    return body


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(UPLOAD_CHUNK_BYTES):
            yield chunk
