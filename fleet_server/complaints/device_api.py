"""Calls of frames about complaints (docs/protocol.md, "Device API")."""

from flask import Blueprint, Response, request

from fleet_server.complaints import service
from fleet_server.complaints.blobs import LocalBlobStorage
from fleet_server.complaints.service import CONTENT_TYPES, LIMITS, Media
from fleet_server.devices.access import current_frame_id, requires_frame
from fleet_server.errors import Invalid
from fleet_server.web import services
from frame_protocol import codec
from frame_protocol.complaints import Complaint, ComplaintList, ComplaintState, ComplaintStatus

bp = Blueprint("device_complaints", __name__)


@bp.put("/device/v1/complaints/<complaint_id>")
@requires_frame
def put_complaint(complaint_id: str) -> Response:
    """File a complaint; sending it again is fine."""
    complaint = codec.decode(request.get_data(), Complaint)
    with services().database.transaction() as session:
        new = service.file_complaint(session, current_frame_id(), complaint_id, complaint)
    return Response(status=201 if new else 200)


@bp.put("/device/v1/complaints/<complaint_id>/<any(clip, voice):kind>")
@requires_frame
def put_file(complaint_id: str, kind: str) -> Response:
    """Attach clip or voice: checked against the announced hash while it is written."""
    media = Media(kind)
    if request.mimetype != CONTENT_TYPES[media]:
        raise Invalid(f"expected Content-Type {CONTENT_TYPES[media]}, got {request.mimetype or 'none'}")
    request.max_content_length = LIMITS[media]
    database = services().database
    with database.reading() as session:
        sha256 = service.expected_file(session, current_frame_id(), complaint_id, media)
    blobs = LocalBlobStorage(services().config.blobs_dir)
    length = blobs.store(request.stream, sha256, LIMITS[media])  # type: ignore[arg-type]
    with database.transaction() as session:
        service.attach(session, complaint_id, media, sha256, length)
    return Response(status=204)


@bp.get("/device/v1/complaints")
@requires_frame
def list_complaints() -> Response:
    """What became of this frame's complaints."""
    with services().database.reading() as session:
        statuses = [
            ComplaintStatus(complaint_id=row.id, state=ComplaintState(row.state), release=row.release)
            for row in service.of_frame(session, current_frame_id())
        ]
    return Response(codec.encode(ComplaintList(complaints=statuses)), content_type="application/json")
