"""Complaints that the server does not have yet: one folder each, whole or not there.

Without consent neither clip nor voice is copied here, so nothing that could send them has them.
"""

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from device_agent.errors import AgentError, VideoError, VoiceUnreadable
from device_agent.system import clock, files
from device_agent.system.active_model import ActiveModel
from device_agent.system.home import FILE_MODE, Home, private_folder
from frame_protocol import codec
from frame_protocol.complaints import MAX_CLIP_BYTES, MAX_VOICE_BYTES, Complaint, ComplaintKind
from frame_protocol.errors import ProtocolError

CLIP, VOICE = "clip", "voice"
STALE_SECONDS = 3600.0
"""A folder that has been unfinished for this long was cut off; copying a clip takes seconds."""
_RECORD, _PROGRESS = "complaint.json", "progress.json"
_STAGING = ".new"
_HEAD_BYTES = 12


class Progress(msgspec.Struct, frozen=True):
    """Content of ``progress.json``: which steps the server has confirmed, and whether it said no for good."""

    done: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class Filing:
    """What the owner of the frame says."""

    kind: ComplaintKind
    text: str
    consent: bool
    video: Path
    voice: Path


@dataclass(frozen=True)
class Spooled:
    """A complaint in the spool."""

    folder: Path
    complaint: Complaint
    progress: Progress

    def file(self, part: str) -> Path:
        """Return where the clip or the voice lies."""
        return self.folder / part


class Spool:
    """The complaints of a home that wait for the server."""

    def __init__(self, home: Home) -> None:
        self._folder = home.complaints

    def file(self, filing: Filing, model: ActiveModel) -> Spooled:
        """Take a complaint in; when this returns it survives a power cut."""
        _check_files(filing)
        identifier = str(uuid.uuid4())
        staging = private_folder(private_folder(self._folder) / (identifier + _STAGING))
        hashes = _copy_parts(filing, staging) if filing.consent else {}
        complaint = _complaint(identifier, filing, model, hashes)
        files.atomic_write(staging / _RECORD, codec.encode(complaint), mode=FILE_MODE)
        folder = self._folder / identifier
        files.replace_tree(staging, folder)
        return Spooled(folder, complaint, Progress())

    def waiting(self) -> list[Spooled]:
        """Return what is in the spool, oldest first; what a power cut left half written or removed is deleted."""
        found = []
        for folder in sorted(self._folder.iterdir()) if self._folder.is_dir() else []:
            if folder.suffix == _STAGING:
                if clock.wall() - folder.stat().st_mtime > STALE_SECONDS:
                    files.remove_tree(folder)
                continue
            if not (folder / _RECORD).exists():  # a folder gets its name with a record in it: this one was forgotten
                files.remove_tree(folder)
                continue
            spooled = _read(folder)
            if spooled is not None:
                found.append(spooled)
        return sorted(found, key=lambda item: item.complaint.at)

    def note(self, spooled: Spooled, progress: Progress) -> Spooled:
        """Store how far a complaint has come."""
        files.atomic_write(spooled.folder / _PROGRESS, msgspec.json.encode(progress), mode=FILE_MODE)
        return Spooled(spooled.folder, spooled.complaint, progress)

    def forget(self, spooled: Spooled) -> None:
        """Remove a complaint that the server has whole."""
        files.remove_tree(spooled.folder)

    def refuse(self, spooled: Spooled, reason: str) -> None:
        """Keep what the server said, and not the recordings that nobody will ask for any more."""
        self.note(spooled, Progress(done=spooled.progress.done, refused=reason))
        for part in (CLIP, VOICE):
            files.remove_file(spooled.file(part))


def _check_files(filing: Filing) -> None:
    if _head(filing.video, VideoError)[4:8] != b"ftyp":
        raise VideoError(f"{filing.video}: expected the MP4 video that was shown")
    head = _head(filing.voice, VoiceUnreadable)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise VoiceUnreadable(f"{filing.voice}: expected the voice recording as WAV")
    if filing.video.stat().st_size > MAX_CLIP_BYTES:
        raise VideoError(f"{filing.video}: a complaint carries at most {MAX_CLIP_BYTES} bytes of video")
    if filing.voice.stat().st_size > MAX_VOICE_BYTES:
        raise VoiceUnreadable(f"{filing.voice}: a complaint carries at most {MAX_VOICE_BYTES} bytes of voice")


def _head(path: Path, error_type: type[AgentError]) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise error_type(f"{path}: {error.strerror}; name a file that can be read") from error


def _copy_parts(filing: Filing, folder: Path) -> dict[str, str]:
    hashes = {}
    for part, source in ((CLIP, filing.video), (VOICE, filing.voice)):
        target = folder / part
        files.copy(source, target, mode=FILE_MODE)
        with files.disk_errors(f"cannot read {target}"), target.open("rb") as file:
            hashes[part] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def _complaint(identifier: str, filing: Filing, model: ActiveModel, hashes: dict[str, str]) -> Complaint:
    complaint = Complaint(
        complaint_id=identifier,
        kind=filing.kind,
        at=clock.wall(),
        model_id=model.model_id,
        weights_sha256=model.weights_sha256,
        consent=filing.consent,
        text=filing.text,
        clip_sha256=hashes.get(CLIP),
        voice_sha256=hashes.get(VOICE),
    )
    try:
        return codec.decode(codec.encode(complaint), Complaint)
    except ProtocolError as error:
        raise AgentError(f"{error}; shorten the text") from error


def _read(folder: Path) -> Spooled | None:
    try:
        complaint = codec.decode((folder / _RECORD).read_bytes(), Complaint)
    except FileNotFoundError:
        return None
    except (OSError, ProtocolError) as error:
        structlog.get_logger("complaints").error("complaint_damaged", folder=str(folder), error=str(error))
        return None
    try:
        progress = msgspec.json.decode((folder / _PROGRESS).read_bytes(), type=Progress)
    except (OSError, msgspec.MsgspecError):
        progress = Progress()
    return Spooled(folder, complaint, progress)
