"""The page of the audit log."""

from flask import Blueprint, render_template, request

from fleet_server.audit import service
from fleet_server.auth.access import requires
from fleet_server.auth.permissions import Permission
from fleet_server.web import services

bp = Blueprint("audit", __name__, template_folder="templates")

SHOWN = 50


@bp.get("/audit")
@requires(Permission.AUDIT_READ)
def index() -> str:
    """Entries, newest first, and whether the chain holds."""
    before = request.args.get("before", type=int)
    with services().database.reading() as session:
        entries = service.latest(session, before=before, limit=SHOWN)
        broken = service.first_break(session)
    older = entries[-1].id if len(entries) == SHOWN else None
    return render_template("audit/index.html", entries=entries, broken=broken, older=older)
