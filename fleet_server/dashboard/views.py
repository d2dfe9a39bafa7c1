"""Health and metrics."""

from flask import Blueprint

bp = Blueprint("dashboard", __name__, template_folder="templates")


@bp.get("/healthz")
def healthz() -> str:
    return "ok"
