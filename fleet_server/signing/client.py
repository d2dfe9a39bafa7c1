"""Release tools to server over HTTPS: read the published metadata, send a signed bundle."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from fleet_server.errors import ServerError
from fleet_server.signing.bundle import Bundle
from frame_protocol.updates import manifest_path

TIMEOUT_SECONDS = 60.0
CHUNK_BYTES = 1 << 18


class ServerClient:
    """Calls on one server with one API token."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def read_metadata(self, name: str) -> bytes | None:
        """Return a published metadata file, or None when there is none of that name."""
        response = self._call("GET", f"/api/v1/repository/metadata/{name}", missing_ok=True)
        return None if response is None else response.content

    def publish(self, bundle: Bundle) -> dict[str, Any]:
        """Send the files that the server lacks, then the signed metadata; doing it again changes nothing."""
        release = bundle.release
        for path in (manifest_path(bundle.line, release.name), *(artefact.path for artefact in release.artefacts)):
            sha256 = bundle.document.signed.targets[path].hashes["sha256"]
            if self._call("HEAD", f"/api/v1/uploads/{sha256}", missing_ok=True) is None:
                self._upload(sha256, bundle.artefact(path))
        response = self._call("POST", f"/api/v1/releases?line={bundle.line}", content=bundle.data)
        answer: dict[str, Any] = response.json() if response is not None else {}
        return answer

    def _upload(self, sha256: str, path: Path) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(path.stat().st_size)}
        self._call("PUT", f"/api/v1/uploads/{sha256}", content=_chunks(path), headers=headers)

    def _call(
        self,
        method: str,
        path: str,
        *,
        content: Iterator[bytes] | bytes | None = None,
        headers: dict[str, str] | None = None,
        missing_ok: bool = False,
    ) -> httpx.Response | None:
        try:
            response = self._http.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise ServerError(f"{method} {path}: the server does not answer ({error!r}); check --server") from error
        if missing_ok and response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.is_success:
            return response
        raise ServerError(f"{method} {path}: the server answered {response.status_code}: {response.text[:500]}")


@contextmanager
def connect(server: str, token: str, ca: Path | None) -> Iterator[ServerClient]:
    """Return a client for the people's address of ``server``; ``ca`` replaces the system's authorities."""
    verify = ssl.create_default_context(cafile=str(ca) if ca else None)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(
        base_url=server, headers=headers, verify=verify, timeout=TIMEOUT_SECONDS, trust_env=False
    ) as http:
        yield ServerClient(http)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
