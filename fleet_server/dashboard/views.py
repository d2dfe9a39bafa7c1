"""Home, language, health and metrics."""

import math

from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from fleet_server.audit import service as audit_service
from fleet_server.auth.access import requires
from fleet_server.auth.permissions import Permission
from fleet_server.auth.views import safe_next
from fleet_server.complaints import service as complaints
from fleet_server.complaints import states
from fleet_server.dashboard import chart, overview
from fleet_server.dashboard.layout import LANGUAGES
from fleet_server.db import utc_now
from fleet_server.devices import service as devices
from fleet_server.errors import NotFound
from fleet_server.signing import status
from fleet_server.telemetry import completion, metrics
from fleet_server.web import services
from frame_protocol.complaints import ComplaintState

bp = Blueprint("dashboard", __name__)

CHART_DAYS = 14
AUDIT_SHOWN = 50


@bp.get("/")
@requires(Permission.DEVICES_READ)
def home() -> str:
    """The state of the fleet in four numbers, each with its list."""
    now = utc_now()
    with services().database.reading() as db:
        rates = completion.completion(db, completion.Filter())
        days = completion.by_day(db, CHART_DAYS)
        by_state = complaints.count_by_state(db)
        online, total = devices.count(db, "online"), devices.count(db)
        waiting, _ = complaints.search(db, [ComplaintState.FILED], limit=5, offset=0)
        rollouts = overview.rollouts(db)
    return render_template(
        "dashboard/home.html",
        rates=rates,
        bars=chart.bars([(day, rate.playbacks, rate.rate) for day, rate in days]),
        grid=chart.grid(),
        chart=chart,
        online=online,
        frames=total,
        open_complaints=sum(by_state[state] for state in states.OPEN),
        by_state=by_state,
        waiting=waiting,
        rollouts=rollouts,
        expiring=[
            (one.what, one.kind, one.expires, math.floor(status.days_left(one, now)))
            for one in status.alerts(services().config, now)
        ],
    )


@bp.get("/audit")
@requires(Permission.AUDIT_READ)
def audit_log() -> str:
    """The audit log, newest first, and whether the entries shown follow from one another."""
    before = request.args.get("before", type=int)
    with services().database.reading() as db:
        entries = audit_service.latest(db, before=before, limit=AUDIT_SHOWN)
    broken = audit_service.break_within(entries)
    older = entries[-1].id if len(entries) == AUDIT_SHOWN else None
    return render_template("dashboard/audit.html", entries=entries, broken=broken, older=older)


@bp.get("/language/<code>")
def choose_language(code: str) -> BaseResponse:
    """Remember the viewer's language and go back."""
    if code not in LANGUAGES:
        raise NotFound(f"there is no language {code}; there are {', '.join(LANGUAGES)}")
    session["language"] = code
    return redirect(safe_next(request.args.get("next")) or url_for("dashboard.home"))


@bp.get("/healthz")
def healthz() -> Response:
    """Whether this process answers and reaches its database."""
    with services().database.reading() as db:
        db.execute(select(1))
    return Response("ok\n", content_type="text/plain")


@bp.get("/metrics")
@requires(Permission.TELEMETRY_READ)
def show_metrics() -> Response:
    """Figures for Prometheus: the fleet's from the database, the ingest's as it last wrote them."""
    with services().database.reading() as db:
        online, total = devices.count(db, "online"), devices.count(db)
        rate = completion.completion(db, completion.Filter()).overall
        by_state = complaints.count_by_state(db)
    lines = [
        "# TYPE liveframe_frames gauge",
        f"liveframe_frames {total}",
        "# TYPE liveframe_frames_online gauge",
        f"liveframe_frames_online {online}",
        "# TYPE liveframe_playbacks_total counter",
        f"liveframe_playbacks_total {rate.playbacks}",
        "# TYPE liveframe_playbacks_completed_total counter",
        f"liveframe_playbacks_completed_total {rate.completed}",
        "# TYPE liveframe_complaints gauge",
        *(f'liveframe_complaints{{state="{state}"}} {number}' for state, number in by_state.items()),
    ]
    written = services().config.data_dir / metrics.FILE
    ingest = written.read_text() if written.is_file() else ""
    return Response("\n".join(lines) + "\n" + ingest, content_type="text/plain; version=0.0.4")
