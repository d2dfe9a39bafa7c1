"""What every response and every changing request must pass: headers, CSRF, problem documents for the API."""

from flask import Flask, Response, render_template, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from fleet_server.auth import access
from fleet_server.errors import Refused
from fleet_server.web import problem

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "media-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
HSTS = "max-age=31536000"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def protect(app: Flask, csrf: CSRFProtect) -> None:
    """Install the checks on the application for people."""

    def check_csrf() -> None:
        if request.method not in SAFE and not _token_header():
            csrf.protect()

    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", HSTS)
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    app.before_request(check_csrf)
    app.after_request(add_headers)
    app.register_error_handler(Refused, lambda error: _refuse(error.status, error.title, str(error)))
    app.register_error_handler(HTTPException, _http_error)


def _token_header() -> bool:
    """A request with a bearer header never carries a cookie's authority: browsers do not add it by themselves."""
    return request.headers.get("Authorization", "").startswith(access.BEARER)


def _http_error(error: HTTPException) -> BaseResponse | tuple[str, int]:
    return _refuse(error.code or 500, error.name, error.description or error.name)


def _refuse(status: int, title: str, detail: str) -> BaseResponse | tuple[str, int]:
    """A page for people, a problem document for programs."""
    if request.path.startswith(access.API_PREFIX):
        return problem(status, title, detail)
    return render_template("dashboard/error.html", status=status, title=title, detail=detail), status
