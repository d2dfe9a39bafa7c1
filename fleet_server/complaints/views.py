"""Pages and API of complaints."""

from typing import Any, TypeVar

import msgspec
from flask import Blueprint, flash, jsonify, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from fleet_server import audit
from fleet_server.auth.access import actor, requires
from fleet_server.auth.permissions import Permission
from fleet_server.complaints import service, states
from fleet_server.complaints.blobs import LocalBlobStorage
from fleet_server.complaints.models import ComplaintRecord
from fleet_server.complaints.service import CONTENT_TYPES, Media
from fleet_server.complaints.states import Step
from fleet_server.devices import service as devices
from fleet_server.errors import Invalid, NotFound
from fleet_server.paging import Paging, asked_page
from fleet_server.telemetry import completion
from fleet_server.web import services
from frame_protocol.complaints import ComplaintState
from frame_protocol.names import ReleaseName

bp = Blueprint("complaints", __name__, template_folder="templates")

RECENT_PLAYBACKS = 5
Body = TypeVar("Body", bound=msgspec.Struct)


class FixOrder(msgspec.Struct):
    """Body of POST .../fix."""

    release: ReleaseName


class Verdict(msgspec.Struct):
    """Body of POST .../verdict."""

    verdict: Step
    reason: str = ""


@bp.get("/complaints")
@requires(Permission.COMPLAINTS_READ)
def index() -> str:
    """The list of complaints; without a filter, those that still need somebody."""
    number, offset = asked_page()
    asked = request.args.get("state", "open")
    with services().database.reading() as session:
        rows, total = service.search(session, _states(asked), limit=Paging.size, offset=offset)
        counts = service.count_by_state(session)
    return render_template(
        "complaints/index.html",
        rows=rows,
        paging=Paging(number, total),
        asked=asked,
        counts=counts,
        open_count=sum(counts[state] for state in states.OPEN),
    )


@bp.get("/complaints/<complaint_id>")
@requires(Permission.COMPLAINTS_READ)
def detail(complaint_id: str) -> str:
    """One complaint: clip, figures, verdict."""
    with services().database.reading() as session:
        complaint = service.get(session, complaint_id)
        files = service.files_of(session, complaint_id)
        frame = devices.get(session, complaint.frame_id)
        shown, _ = completion.playbacks(
            session, completion.Filter(frame_id=complaint.frame_id), limit=RECENT_PLAYBACKS, offset=0
        )
    return render_template(
        "complaints/detail.html",
        complaint=complaint,
        files=files,
        frame=frame,
        playbacks=shown,
        steps=states.steps_from(ComplaintState(complaint.state)),
    )


@bp.post("/complaints/<complaint_id>/verdict")
@requires(Permission.COMPLAINTS_DECIDE)
def verdict(complaint_id: str) -> ResponseReturnValue:
    """Confirm or reject."""
    step = _step(request.form.get("verdict", ""))
    with services().database.transaction() as session:
        service.decide(session, actor(), complaint_id, step, request.form.get("reason", ""))
    flash("The verdict is recorded.")
    return redirect(url_for("complaints.detail", complaint_id=complaint_id))


@bp.post("/complaints/<complaint_id>/erase")
@requires(Permission.COMPLAINTS_DECIDE)
def erase(complaint_id: str) -> ResponseReturnValue:
    """Erase clip and voice."""
    with services().database.transaction() as session:
        service.get(session, complaint_id)
        service.erase_files(session, actor(), [complaint_id], _blobs())
    flash("What was sent is erased.")
    return redirect(url_for("complaints.detail", complaint_id=complaint_id))


@bp.get("/complaints/<complaint_id>/<any(clip, voice):kind>")
@bp.get("/api/v1/complaints/<complaint_id>/<any(clip, voice):kind>")
@requires(Permission.COMPLAINTS_MEDIA)
def media(complaint_id: str, kind: str) -> ResponseReturnValue:
    """A clip or voice; who looks is recorded."""
    with services().database.reading() as session:
        service.get(session, complaint_id)
        file = service.files_of(session, complaint_id).get(kind)
    path = _blobs().path(file.sha256) if file else None
    if path is None:
        raise NotFound(f"complaint {complaint_id} has no {kind}, or it was erased")
    if request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
        with services().database.transaction() as session:
            audit.record(session, actor(), f"{actor()} opened the {kind} of complaint {complaint_id}.")
    return send_file(path, mimetype=CONTENT_TYPES[Media(kind)], conditional=True, max_age=0)


@bp.get("/api/v1/complaints")
@requires(Permission.COMPLAINTS_READ)
def api_list() -> ResponseReturnValue:
    """Complaints for the laboratory and other programs: ``?state=confirmed``."""
    number, offset = asked_page()
    with services().database.reading() as session:
        rows, total = service.search(
            session, _states(request.args.get("state", "")), limit=Paging.size, offset=offset
        )
        listed = [_as_json(session, row) for row in rows]
    return jsonify(
        {"v": 1, "total": total, "page": number, "pages": Paging(number, total).pages, "complaints": listed}
    )


@bp.get("/api/v1/complaints/<complaint_id>")
@requires(Permission.COMPLAINTS_READ)
def api_detail(complaint_id: str) -> ResponseReturnValue:
    """One complaint for programs."""
    with services().database.reading() as session:
        return jsonify({"v": 1, **_as_json(session, service.get(session, complaint_id))})


@bp.post("/api/v1/complaints/<complaint_id>/verdict")
@requires(Permission.COMPLAINTS_DECIDE)
def api_verdict(complaint_id: str) -> ResponseReturnValue:
    """Confirm or reject: ``{"verdict": "confirm"}``."""
    body = _body(Verdict)
    with services().database.transaction() as session:
        complaint = service.decide(session, actor(), complaint_id, body.verdict, body.reason)
        return jsonify({"v": 1, **_as_json(session, complaint)})


@bp.post("/api/v1/complaints/<complaint_id>/fix")
@requires(Permission.COMPLAINTS_FIX)
def api_fix(complaint_id: str) -> ResponseReturnValue:
    """Say which release mends it: ``{"release": "lips-fix-7f3a"}``."""
    body = _body(FixOrder)
    with services().database.transaction() as session:
        complaint = service.offer_fix(session, actor(), complaint_id, body.release)
        return jsonify({"v": 1, **_as_json(session, complaint)})


@bp.post("/frames/<frame_id>/erase")
@requires(Permission.DEVICES_MANAGE)
def erase_frame(frame_id: str) -> ResponseReturnValue:
    """Erase everything personal that a frame sent."""
    with services().database.transaction() as session:
        devices.get(session, frame_id)
        service.erase_frame(session, actor(), frame_id, _blobs())
    flash("What was sent is erased.")
    return redirect(url_for("devices.detail", frame_id=frame_id))


def _blobs() -> LocalBlobStorage:
    return LocalBlobStorage(services().config.blobs_dir)


def _body(kind: type[Body]) -> Body:
    """Validate a JSON body."""
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except msgspec.MsgspecError as error:
        raise Invalid(f"{kind.__name__}: {error}") from error


def _step(text: str) -> Step:
    try:
        return Step(text)
    except ValueError as error:
        raise Invalid(f"expected the verdict {Step.CONFIRM} or {Step.REJECT}, got {text!r}") from error


def _states(asked: str) -> list[ComplaintState]:
    """The states that a filter word means."""
    if asked == "open":
        return list(states.OPEN)
    if asked in ("", "all"):
        return []
    try:
        return [ComplaintState(asked)]
    except ValueError as error:
        raise Invalid(f"expected a state ({', '.join(ComplaintState)}), open or all, got {asked!r}") from error


def _as_json(session: Session, row: ComplaintRecord) -> dict[str, Any]:
    files = service.files_of(session, row.id)
    return {
        "complaint_id": row.id,
        "frame_id": row.frame_id,
        "kind": row.kind,
        "state": row.state,
        "text": row.text,
        "consent": row.consent,
        "at": row.sent_at,
        "received_at": row.received_at.timestamp(),
        "model_id": row.model_id,
        "weights_sha256": row.weights_sha256,
        "release": row.release,
        "files": {
            kind: {
                "sha256": file.sha256,
                "length": file.length,
                "url": f"/api/v1/complaints/{row.id}/{kind}",
            }
            for kind, file in files.items()
        },
    }
