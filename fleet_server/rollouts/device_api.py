"""What a frame asks: which release should I run? The director signs the answer."""

from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint, Response
from msgspec import structs

from fleet_server.devices.access import current_certificate, current_frame_id, shows_certificate
from fleet_server.rollouts import service
from fleet_server.signing.director import Director
from fleet_server.web import services

bp = Blueprint("assignment", __name__)


@bp.get("/device/v1/assignment")
@shows_certificate
def assignment() -> Response:
    """200 with the director's metadata for this frame, or 204: nothing to do. One SELECT when there is nothing."""
    with services().database.reading() as session:
        found = service.direction(session, current_frame_id(), current_certificate())
    if found is None:
        return Response(status=204)
    config = services().config
    told = replace(found, assignment=structs.replace(found.assignment, mirrors=config.mirrors))
    signed = Director(config.tuf_dir).direct(told, datetime.now(UTC))
    return Response(signed, content_type="application/json")
