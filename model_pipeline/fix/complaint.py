"""Where a complaint comes from: a folder, or the fleet server (whose copy here is deleted afterwards)."""

import shutil
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from frame_protocol.complaints import MAX_CLIP_BYTES, MAX_VOICE_BYTES, ComplaintKind, ComplaintState
from model_pipeline.errors import DataMissing, FixError, FleetError

COMPLAINT_JSON = "complaint.json"
CLIP = "clip.mp4"
VOICE = "voice.wav"
TIMEOUT_S = 60.0
MAX_JSON_BYTES = 64 * 1024


class ComplaintRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the laboratory needs to know of a complaint; the server's answer holds more."""

    complaint_id: str
    weights_sha256: str | None = None
    kind: str = ComplaintKind.LIPS_DO_NOT_MATCH
    state: str = ComplaintState.CONFIRMED
    transcript: str | None = None


@dataclass(frozen=True)
class ComplaintCase:
    """A complaint with its clip and voice on this disk."""

    record: ComplaintRecord
    clip: Path
    voice: Path


def from_folder(folder: Path) -> ComplaintCase:
    """Return the case in ``folder``: complaint.json (may be missing), clip.mp4, voice.wav."""
    for name in (CLIP, VOICE):
        if not (folder / name).is_file():
            raise DataMissing(f"Expected {COMPLAINT_JSON}, {CLIP} and {VOICE} in {folder}, and {name} is missing.")
    described = folder / COMPLAINT_JSON
    record = _record(described.read_bytes()) if described.is_file() else ComplaintRecord(complaint_id=folder.name)
    return ComplaintCase(_fixable(record), folder / CLIP, folder / VOICE)


@contextmanager
def from_server(server: str, complaint_id: str, token: str, ca: Path | None = None) -> Iterator[ComplaintCase]:
    """Download a complaint for the time of the block: clip and voice are personal data and do not stay."""
    folder = Path(tempfile.mkdtemp(prefix="complaint-"))
    try:
        yield _download(folder, f"{server.rstrip('/')}/api/v1/complaints/{complaint_id}", token, ca)
    finally:
        shutil.rmtree(folder)


def _download(folder: Path, address: str, token: str, ca: Path | None) -> ComplaintCase:
    verify = ssl.create_default_context(cafile=str(ca)) if ca else True
    try:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S, verify=verify) as client:
            _fetch(client, address, folder / COMPLAINT_JSON, MAX_JSON_BYTES)
            _fetch(client, f"{address}/clip", folder / CLIP, MAX_CLIP_BYTES)
            _fetch(client, f"{address}/voice", folder / VOICE, MAX_VOICE_BYTES)
    except httpx.HTTPError as error:
        raise FleetError(f"The fleet server at {address} does not answer ({error}); is it running?") from error
    return from_folder(folder)


def _fetch(client: httpx.Client, address: str, path: Path, most: int) -> None:
    with client.stream("GET", address) as answer:
        if answer.status_code != httpx.codes.OK:
            said = answer.status_code
            raise FleetError(f"Expected {path.name} at {address}, the server says {said}; check id and token.")
        size = 0
        with path.open("wb") as file:
            for piece in answer.iter_bytes():
                size += len(piece)
                if size > most:
                    raise FleetError(f"{address} sends more than {most} bytes, the most that the protocol allows.")
                file.write(piece)


def _record(data: bytes) -> ComplaintRecord:
    try:
        return msgspec.json.decode(data, type=ComplaintRecord)
    except msgspec.DecodeError as error:
        raise DataMissing(f"{COMPLAINT_JSON} does not describe a complaint: {error}.") from error


def _fixable(record: ComplaintRecord) -> ComplaintRecord:
    if record.kind != ComplaintKind.LIPS_DO_NOT_MATCH:
        raise FixError(f"Expected a complaint '{ComplaintKind.LIPS_DO_NOT_MATCH}', this one is '{record.kind}'.")
    if record.state in {ComplaintState.FILED, ComplaintState.REJECTED}:
        raise FixError(f"The complaint is '{record.state}': support confirms it before it is worked on.")
    return record
