"""Log in and out."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from fleet_server import audit
from fleet_server.auth import access, service
from fleet_server.auth.limits import count_try
from fleet_server.auth.permissions import Role
from fleet_server.web import services

bp = Blueprint("auth", __name__, template_folder="templates")


@bp.route("/login", methods=["GET", "POST"])
def login() -> str | BaseResponse | tuple[str, int]:
    """Ask for name and password."""
    if request.method == "GET":
        return render_template("auth/login.html", wrong=False, name="")
    name = request.form.get("name", "")[:64]
    database, limit = services().database, services().config.login_attempts_per_minute
    with database.transaction() as session:  # counted for itself, so that a failure counts too
        count_try(session, f"login {request.remote_addr}", limit)
        count_try(session, f"login name {name}", limit)
    with database.reading() as session:  # hashing takes a while: not under the write lock
        user = service.authenticate(session, name, request.form.get("password", ""))
    with database.transaction() as session:
        audit.record(
            session, name if user else "nobody", f"{name} logged in." if user else f"A login as {name!r} failed."
        )
    if user is None:
        return render_template("auth/login.html", wrong=True, name=name), 401
    access.log_in(user.id, user.name, Role(user.role))
    return redirect(safe_next(request.args.get("next")) or url_for("dashboard.home"))


@bp.post("/logout")
def logout() -> BaseResponse:
    """End the session."""
    access.log_out()
    return redirect(url_for("auth.login"))


def safe_next(target: str | None) -> str | None:
    """Return ``target`` only when it is a page of this server."""
    ours = target and target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if ours else None
