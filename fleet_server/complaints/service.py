"""Use cases of complaints."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from fleet_server import audit
from fleet_server.complaints import states
from fleet_server.complaints.blobs import BlobStorage
from fleet_server.complaints.models import ComplaintFile, ComplaintRecord
from fleet_server.complaints.states import Step
from fleet_server.db import utc_now
from fleet_server.devices.notify import notify
from fleet_server.errors import Conflict, Invalid, NotFound
from frame_protocol.complaints import MAX_CLIP_BYTES, MAX_VOICE_BYTES, Complaint, ComplaintState
from frame_protocol.telemetry import CommandKind
from frame_protocol.updates import UpdateReport, UpdateState

LISTED_TO_FRAME = 200
"""Length of the list that a frame gets (docs/protocol.md)."""


class Media(StrEnum):
    """What may be attached to a complaint."""

    CLIP = "clip"
    VOICE = "voice"


CONTENT_TYPES = {Media.CLIP: "video/mp4", Media.VOICE: "audio/wav"}
LIMITS = {Media.CLIP: MAX_CLIP_BYTES, Media.VOICE: MAX_VOICE_BYTES}


def file_complaint(session: Session, frame_id: str, complaint_id: str, complaint: Complaint) -> bool:
    """Take a complaint from a frame; True when it is new, False when it is there already and nothing changes."""
    if complaint.complaint_id != complaint_id:
        raise Invalid(f"the address names complaint {complaint_id}, the body {complaint.complaint_id}")
    if not complaint.consent and (complaint.clip_sha256 or complaint.voice_sha256):
        raise Conflict("clip and voice may be announced only with the owner's consent")
    existing = session.get(ComplaintRecord, complaint_id)
    if existing is not None:
        if existing.frame_id != frame_id:
            raise Conflict(f"there is another complaint {complaint_id}")
        return False
    session.add(
        ComplaintRecord(
            id=complaint_id,
            frame_id=frame_id,
            kind=complaint.kind,
            state=ComplaintState.FILED,
            text=complaint.text.replace("\0", ""),
            consent=complaint.consent,
            sent_at=complaint.at,
            received_at=utc_now(),
            model_id=complaint.model_id.replace("\0", ""),
            weights_sha256=complaint.weights_sha256,
            clip_sha256=complaint.clip_sha256,
            voice_sha256=complaint.voice_sha256,
        )
    )
    session.flush()
    return True


def expected_file(session: Session, frame_id: str, complaint_id: str, media: Media) -> str:
    """Return the hash of the file that this frame may attach now; 409 when the owner did not consent to it."""
    complaint = session.get(ComplaintRecord, complaint_id)
    if complaint is None or complaint.frame_id != frame_id:
        raise NotFound(f"this frame filed no complaint {complaint_id}; send the complaint first")
    announced = complaint.clip_sha256 if media is Media.CLIP else complaint.voice_sha256
    if not complaint.consent or announced is None:
        raise Conflict(f"complaint {complaint_id} announced no {media}, or the owner did not consent to sending it")
    existing = session.get(ComplaintFile, (complaint_id, media.value))
    if existing is not None and existing.deleted_at is not None:
        raise Conflict(f"the {media} of complaint {complaint_id} was erased and is not taken again")
    return announced


def attach(session: Session, complaint_id: str, media: Media, sha256: str, length: int) -> None:
    """Remember a file that storage has now; the same again changes nothing."""
    if session.get(ComplaintFile, (complaint_id, media.value)) is not None:
        return
    session.add(
        ComplaintFile(complaint_id=complaint_id, kind=media, sha256=sha256, length=length, stored_at=utc_now())
    )


def of_frame(session: Session, frame_id: str) -> Sequence[ComplaintRecord]:
    """The complaints of one frame, newest first."""
    query = select(ComplaintRecord).where(ComplaintRecord.frame_id == frame_id)
    return session.scalars(query.order_by(ComplaintRecord.received_at.desc()).limit(LISTED_TO_FRAME)).all()


def get(session: Session, complaint_id: str) -> ComplaintRecord:
    """Return one complaint."""
    complaint = session.get(ComplaintRecord, complaint_id)
    if complaint is None:
        raise NotFound(f"there is no complaint {complaint_id}")
    return complaint


def files_of(session: Session, complaint_id: str) -> dict[str, ComplaintFile]:
    """The files of a complaint that are there, by kind."""
    query = select(ComplaintFile).where(
        ComplaintFile.complaint_id == complaint_id, ComplaintFile.deleted_at.is_(None)
    )
    return {file.kind: file for file in session.scalars(query)}


def search(
    session: Session, wanted: Sequence[ComplaintState], *, limit: int, offset: int
) -> tuple[Sequence[ComplaintRecord], int]:
    """Return a page of complaints, newest first, and how many there are; no state: all."""
    query = select(ComplaintRecord)
    if wanted:
        query = query.where(ComplaintRecord.state.in_([state.value for state in wanted]))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(ComplaintRecord.received_at.desc(), ComplaintRecord.id)
    return session.scalars(ordered.limit(limit).offset(offset)).all(), total


def count_by_state(session: Session) -> dict[ComplaintState, int]:
    """How many complaints are in each state."""
    rows = session.execute(select(ComplaintRecord.state, func.count()).group_by(ComplaintRecord.state))
    counted = {ComplaintState(state): number for state, number in rows}
    return {state: counted.get(state, 0) for state in ComplaintState}


def decide(session: Session, actor: str, complaint_id: str, step: Step, reason: str) -> ComplaintRecord:
    """Support's verdict: confirm or reject."""
    if step not in (Step.CONFIRM, Step.REJECT):
        raise Invalid(f"a verdict is {Step.CONFIRM} or {Step.REJECT}, not {step}")
    if step is Step.REJECT and not reason.strip():
        raise Invalid("say in a sentence why it is rejected; the owner's next call will ask")
    complaint = get(session, complaint_id)
    _move(session, complaint, step)
    complaint.decided_by, complaint.decided_at, complaint.reason = actor, utc_now(), reason.strip()[:2000]
    audit.record(session, actor, f"{actor} {step}ed complaint {complaint_id} of {complaint.frame_id}.")
    return complaint


def offer_fix(session: Session, actor: str, complaint_id: str, release: str) -> ComplaintRecord:
    """Say which release is to mend a complaint."""
    complaint = get(session, complaint_id)
    _move(session, complaint, Step.OFFER_FIX)
    complaint.release = release
    audit.record(session, actor, f"{actor} offered release {release} as the fix of complaint {complaint_id}.")
    return complaint


def on_report(session: Session, report: UpdateReport) -> None:
    """A frame kept a release: its complaints that waited for that release are fixed."""
    if report.state is not UpdateState.KEPT:
        return
    query = select(ComplaintRecord).where(
        ComplaintRecord.frame_id == report.frame,
        ComplaintRecord.release == report.release,
        ComplaintRecord.state == ComplaintState.FIX_OFFERED,
    )
    for complaint in session.scalars(query).all():
        _move(session, complaint, Step.FIX_KEPT)
        complaint.fixed_at = utc_now()
        audit.record(
            session, audit.SYSTEM, f"{report.frame} keeps {report.release}; complaint {complaint.id} is fixed."
        )


def erase_files(session: Session, actor: str, complaint_ids: Sequence[str], blobs: BlobStorage) -> int:
    """Erase the clips and voices of complaints, from disk too; return how many files went.

    A file that another complaint also refers to stays for that one. The bytes go before the COMMIT: a crash between
    leaves a row without a file, which erasing again mends, never a file without a row.
    """
    query = select(ComplaintFile).where(
        ComplaintFile.complaint_id.in_(complaint_ids), ComplaintFile.deleted_at.is_(None)
    )
    files = session.scalars(query).all()
    now = utc_now()
    for file in files:
        file.deleted_at = now
    session.flush()
    for sha256 in {file.sha256 for file in files}:
        others = select(ComplaintFile.sha256).where(
            ComplaintFile.sha256 == sha256, ComplaintFile.deleted_at.is_(None)
        )
        if session.scalar(others.limit(1)) is None:
            blobs.delete(sha256)
    for complaint_id in sorted({file.complaint_id for file in files}):
        audit.record(session, actor, f"{actor} erased clip and voice of complaint {complaint_id}.")
    return len(files)


def erase_frame(session: Session, actor: str, frame_id: str, blobs: BlobStorage) -> int:
    """Erase every clip, voice and text that came from a frame."""
    complaint_ids = session.scalars(select(ComplaintRecord.id).where(ComplaintRecord.frame_id == frame_id)).all()
    erased = erase_files(session, actor, complaint_ids, blobs)
    session.execute(update(ComplaintRecord).where(ComplaintRecord.frame_id == frame_id).values(text=""))
    audit.record(session, actor, f"{actor} erased what {frame_id} sent with complaints.")
    return erased


def _move(session: Session, complaint: ComplaintRecord, step: Step) -> None:
    """Take one step and tell the frame to look."""
    complaint.state = states.after(ComplaintState(complaint.state), step)
    notify(session, [complaint.frame_id], CommandKind.COMPLAINT_CHANGED)
