"""Pages about frames."""

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from fleet_server.auth.access import actor, requires
from fleet_server.auth.permissions import Permission
from fleet_server.devices import claims, service
from fleet_server.devices.models import Certificate, ClaimCode
from fleet_server.errors import Invalid
from fleet_server.paging import Paging, asked_page
from fleet_server.web import services

bp = Blueprint("devices", __name__, template_folder="templates")

STATES = ("online", "offline", "never seen", "revoked")
MAX_CODES_ON_PAGE = 100
LISTED_CODES = 100


@bp.get("/frames")
@requires(Permission.DEVICES_READ)
def index() -> str:
    """The list of frames."""
    number, offset = asked_page()
    text, state = request.args.get("q", "").strip(), request.args.get("state", "")
    with services().database.reading() as session:
        rows, total = service.search(session, text, state, limit=Paging.size, offset=offset)
        everything = total if not (text or state) else service.count(session)
    return render_template(
        "devices/index.html",
        rows=rows,
        paging=Paging(number, total),
        text=text,
        state=state,
        states=STATES,
        everything=everything,
    )


@bp.get("/frames/<frame_id>")
@requires(Permission.DEVICES_READ)
def detail(frame_id: str) -> str:
    """One frame."""
    with services().database.reading() as session:
        row = service.get(session, frame_id)
        query = select(Certificate).where(Certificate.frame_id == frame_id)
        certificates = session.scalars(query.order_by(Certificate.issued_at.desc())).all()
    return render_template("devices/detail.html", row=row, certificates=certificates)


@bp.post("/frames/<frame_id>/revoke")
@requires(Permission.DEVICES_MANAGE)
def revoke(frame_id: str) -> ResponseReturnValue:
    """Shut a frame out."""
    reason = request.form.get("reason", "").strip()
    if not reason:
        raise Invalid("say in a sentence why this frame is revoked; it goes into the audit log")
    with services().database.transaction() as session:
        service.revoke(session, actor(), frame_id, reason)
    flash("The frame is shut out.")
    return redirect(url_for("devices.detail", frame_id=frame_id))


@bp.get("/claims")
@requires(Permission.DEVICES_MANAGE)
def claim_codes() -> str:
    """Claim codes that were made, newest first."""
    return _claims_page([])


@bp.post("/claims")
@requires(Permission.DEVICES_MANAGE)
def create_claims() -> str:
    """Make claim codes and show them this once."""
    count = request.form.get("count", 1, type=int)
    if not 1 <= count <= MAX_CODES_ON_PAGE:
        raise Invalid(f"expected 1 to {MAX_CODES_ON_PAGE} codes, got {count}; the command line makes more")
    config = services().config
    with services().database.transaction() as session:
        codes = claims.create(session, actor(), config.secret(claims.CLAIM_KEY), count)
    return _claims_page(codes)


@bp.get("/api/v1/frames")
@requires(Permission.DEVICES_READ)
def api_frames() -> ResponseReturnValue:
    """The list of frames for programs."""
    _, offset = asked_page()
    text, state = request.args.get("q", "").strip(), request.args.get("state", "")
    with services().database.reading() as session:
        rows, total = service.search(session, text, state, limit=Paging.size, offset=offset)
    return jsonify({"v": 1, "total": total, "frames": [_as_json(row) for row in rows]})


def _as_json(row: service.FrameRow) -> dict[str, Any]:
    return {
        "frame_id": row.frame.id,
        "serial": row.frame.serial,
        "hardware": row.frame.hardware,
        "state": row.state,
        "enrolled_at": row.frame.enrolled_at.timestamp(),
        "model_id": row.condition.model_id if row.condition else "",
        "weights_sha256": row.condition.weights_sha256 if row.condition else None,
    }


def _claims_page(fresh: list[str]) -> str:
    with services().database.reading() as session:
        made = session.scalars(select(ClaimCode).order_by(ClaimCode.id.desc()).limit(LISTED_CODES)).all()
    return render_template("devices/claims.html", made=made, fresh=fresh, most=MAX_CODES_ON_PAGE)
