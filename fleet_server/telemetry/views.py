"""Pages and API of telemetry."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from fleet_server.auth.access import requires
from fleet_server.auth.permissions import Permission
from fleet_server.db import utc_now
from fleet_server.errors import Invalid
from fleet_server.paging import Paging, asked_page
from fleet_server.telemetry import completion as rates
from fleet_server.telemetry.models import Message
from fleet_server.web import services

bp = Blueprint("telemetry", __name__, template_folder="templates")

MAX_DAYS = 3650


@bp.get("/playbacks")
@requires(Permission.TELEMETRY_READ)
def playbacks() -> str:
    """The list behind the completion rate."""
    number, offset = asked_page()
    wanted = _filter()
    with services().database.reading() as session:
        rows, total = rates.playbacks(session, wanted, limit=Paging.size, offset=offset)
        summary = rates.completion(session, wanted)
        everything = rates.completion(session, rates.Filter())
    return render_template(
        "telemetry/playbacks.html",
        rows=rows,
        paging=Paging(number, total),
        summary=summary,
        everything=everything,
        wanted=wanted,
        arguments=request.args,
    )


@bp.get("/frames/<frame_id>/messages")
@requires(Permission.TELEMETRY_READ)
def messages(frame_id: str) -> str:
    """What one frame said, newest first."""
    number, offset = asked_page()
    kind = request.args.get("kind", "")
    query = select(Message).where(Message.frame_id == frame_id)
    counts = select(Message.kind, func.count()).where(Message.frame_id == frame_id).group_by(Message.kind)
    if kind:
        query = query.where(Message.kind == kind)
    with services().database.reading() as session:
        kinds = {str(name): int(total) for name, total in session.execute(counts)}
        ordered = query.order_by(Message.received_at.desc(), Message.seq.desc())
        rows = session.scalars(ordered.limit(Paging.size).offset(offset)).all()
    total = kinds.get(kind, 0) if kind else sum(kinds.values())
    return render_template(
        "telemetry/messages.html",
        frame_id=frame_id,
        rows=rows,
        kinds=kinds,
        kind=kind,
        paging=Paging(number, total),
    )


@bp.get("/api/v1/completion")
@requires(Permission.TELEMETRY_READ)
def api_completion() -> ResponseReturnValue:
    """The completion rate, over all, by fill mode, by model; ``list`` is where its playbacks are."""
    with services().database.reading() as session:
        found = rates.completion(session, _filter())
    query = request.query_string.decode()
    return jsonify(
        {
            "v": 1,
            **_rate(found.overall),
            "by_fill": {name: _rate(rate) for name, rate in found.by_fill.items()},
            "by_model": {name: _rate(rate) for name, rate in found.by_model.items()},
            "list": "/api/v1/playbacks" + (f"?{query}" if query else ""),
        }
    )


@bp.get("/api/v1/playbacks")
@requires(Permission.TELEMETRY_READ)
def api_playbacks() -> ResponseReturnValue:
    """The playbacks behind the rate."""
    number, offset = asked_page()
    with services().database.reading() as session:
        rows, total = rates.playbacks(session, _filter(), limit=Paging.size, offset=offset)
    listed = [
        {
            "frame_id": row.frame_id,
            "boot": row.boot,
            "seq": row.seq,
            "playback_id": row.playback_id,
            "received_at": row.received_at.timestamp(),
            "model_id": row.model_id,
            "fill": row.fill,
            "frames": row.frames,
            "shown": row.shown,
            "dropped": row.dropped,
            "seconds_watched": row.seconds_watched,
            "video_seconds": row.video_seconds,
            "fps": row.fps,
            "completed": row.completed,
        }
        for row in rows
    ]
    return jsonify(
        {"v": 1, "total": total, "page": number, "pages": Paging(number, total).pages, "playbacks": listed}
    )


def _filter() -> rates.Filter:
    """The filter that the address asks for."""
    since, until = _period()
    completed = request.args.get("completed", "")
    return rates.Filter(
        since=since,
        until=until,
        fill=request.args.get("fill", ""),
        model_id=request.args.get("model", ""),
        frame_id=request.args.get("frame", ""),
        completed={"1": True, "0": False}.get(completed),
    )


def _period() -> tuple[datetime | None, datetime | None]:
    """``?day=2026-12-24`` (UTC) or the last ``?days=7``."""
    if day := request.args.get("day"):
        try:
            start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError as error:
            raise Invalid(f"day: expected YYYY-MM-DD, got {day!r}") from error
        return start, start + timedelta(days=1)
    days = request.args.get("days", type=int)
    return (utc_now() - timedelta(days=min(days, MAX_DAYS)) if days and days > 0 else None), None


def _rate(rate: rates.Rate) -> dict[str, Any]:
    return {"playbacks": rate.playbacks, "completed": rate.completed, "rate": rate.rate}
