"""What a frame asks: which release should I run?"""

from flask import Blueprint, Response

from fleet_server.devices.access import current_frame_id, requires_frame
from fleet_server.rollouts import service
from fleet_server.web import services
from frame_protocol.codec import encode

bp = Blueprint("assignment", __name__)


@bp.get("/device/v1/assignment")
@requires_frame
def assignment() -> Response:
    """200 with the frame's assignment, or 204: nothing to do."""
    with services().database.reading() as session:
        found = service.assignment(session, current_frame_id())
    if found is None:
        return Response(status=204)
    return Response(encode(found), content_type="application/json")
