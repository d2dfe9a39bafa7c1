"""Who is asking, and may they: the one file that knows flask-login.

``@requires(Permission.X)`` goes on every view for people; a test walks all routes and fails on one without it.
A session cookie or ``Authorization: Bearer <API token>`` says who; requests with a token need no CSRF field.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, g, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user  # type: ignore[import-untyped]

from fleet_server.auth import service
from fleet_server.auth.permissions import Permission, Role, allows
from fleet_server.errors import Forbidden
from fleet_server.web import problem, services

P = ParamSpec("P")
R = TypeVar("R")

API_PREFIX = "/api/"
BEARER = "Bearer "


class Caller(UserMixin):  # type: ignore[misc]
    """The person or program behind a request."""

    def __init__(self, key: str, name: str, role: Role) -> None:
        self.id = key
        self.name = name
        self.role = role

    def may(self, permission: Permission | str) -> bool:
        """Whether this caller holds ``permission``."""
        return allows(self.role, Permission(permission))


def requires(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only callers with ``permission`` reach the view."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current_user.is_authenticated:
                return _ask_who()  # type: ignore[return-value]
            if not current_user.may(permission):
                raise Forbidden(f"{current_user.name} ({current_user.role}) lacks the permission {permission}")
            return view(*args, **kwargs)

        guarded.required_permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def actor() -> str:
    """The caller's name as the audit log writes it."""
    return str(current_user.name) if current_user.is_authenticated else "nobody"


def may(permission: Permission | str) -> bool:
    """Whether the caller holds ``permission``; for templates that show a button or not."""
    return bool(current_user.is_authenticated and current_user.may(permission))


def log_in(user_id: int, name: str, role: Role) -> None:
    """Start a session."""
    login_user(Caller(str(user_id), name, role))


def log_out() -> None:
    """End the session."""
    logout_user()


def by_token() -> bool:
    """Whether this request proved itself with an API token instead of a cookie."""
    return bool(g.get("token_name"))


def install(app: Flask) -> None:
    """Teach ``app`` who is asking."""
    manager = LoginManager(app)
    manager.session_protection = None  # the cookie is signed and bound to nothing that changes on a phone

    def load_user(key: str) -> Caller | None:
        with services().database.reading() as session:
            user = service.active_user(session, int(key))
        return Caller(str(user.id), user.name, Role(user.role)) if user else None

    def load_token(_request: object) -> Caller | None:
        header = request.headers.get("Authorization", "")
        if not header.startswith(BEARER):
            return None
        with services().database.reading() as session:
            token = service.valid_token(session, header.removeprefix(BEARER).strip())
        if token is None:
            return None
        g.token_name = token.name
        return Caller(f"token-{token.id}", f"token {token.name}", Role(token.role))

    manager.user_loader(load_user)
    manager.request_loader(load_token)
    app.jinja_env.globals["may"] = may


def _ask_who() -> Response:
    """Answer a caller who is nobody yet."""
    if request.path.startswith(API_PREFIX):
        answer = problem(401, "Not signed in", "send an API token: Authorization: Bearer <token>")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    return redirect(url_for("auth.login", next=request.full_path.rstrip("?")))  # type: ignore[return-value]
