"""What every view needs: the services of the running application and errors as documents."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException

from fleet_server.config import Config
from fleet_server.db import Database
from fleet_server.errors import Refused
from frame_protocol.errors import ProtocolError

EXTENSION = "liveframe"


@dataclass(frozen=True)
class Services:
    """The collaborators of views; commands and workers build their own."""

    config: Config
    database: Database


def services() -> Services:
    """Return the services of the current application."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def problem(status: int, title: str, detail: str) -> Response:
    """Return an error as application/problem+json (RFC 9457)."""
    body = json.dumps({"title": title, "status": status, "detail": detail})
    return Response(body, status=status, content_type="application/problem+json")


def answer_problems(app: Flask) -> None:
    """Let every error of ``app`` leave as problem+json."""

    def refused(error: Refused) -> Response:
        return problem(error.status, error.title, str(error))

    def http_error(error: HTTPException) -> Response:
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        return problem(status, error.name, error.description or error.name)

    def malformed(error: ProtocolError) -> Response:
        return problem(HTTPStatus.BAD_REQUEST, "Malformed request", str(error))

    app.register_error_handler(Refused, refused)
    app.register_error_handler(ProtocolError, malformed)
    app.register_error_handler(HTTPException, http_error)
