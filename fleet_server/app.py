"""The two web applications: ``create_app`` for people, ``create_device_app`` for frames. Importing builds nothing."""

from datetime import timedelta

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from fleet_server.auth import access
from fleet_server.config import Config
from fleet_server.dashboard import layout, security
from fleet_server.db import Database
from fleet_server.features import modules
from fleet_server.web import EXTENSION, Services, answer_problems
from frame_protocol.codec import MAX_PAYLOAD_BYTES

SESSION_KEY = "session.key"
PEOPLE_REQUEST_BYTES = 2 * 1024 * 1024
"""Pages and API calls; signed metadata and release manifests are the largest."""
DEVICE_REQUEST_BYTES = MAX_PAYLOAD_BYTES
"""The views that take clips and voices allow more for themselves."""


def _application(config: Config, database: Database | None, request_bytes: int) -> Flask:
    """Return a bare application with the services every view uses."""
    app = Flask("fleet_server", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = request_bytes
    app.extensions[EXTENSION] = Services(config=config, database=database or Database(config.url))
    if config.behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    return app


def create_app(config: Config, database: Database | None = None) -> Flask:
    """Build the application for people: pages and API."""
    app = _application(config, database, PEOPLE_REQUEST_BYTES)
    app.config.update(
        SECRET_KEY=config.secret(SESSION_KEY),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=config.session_hours),
        SESSION_COOKIE_NAME="liveframe",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.people_tls or config.behind_proxy,
        WTF_CSRF_CHECK_DEFAULT=False,  # checked in security.protect, which knows about API tokens
    )
    csrf = CSRFProtect(app)
    access.install(app)
    security.protect(app, csrf)
    layout.install(app)
    for module in modules("views"):
        app.register_blueprint(module.bp)
    return app


def create_device_app(config: Config, database: Database | None = None) -> Flask:
    """Build the application for frames; its server terminates TLS and asks for client certificates."""
    app = _application(config, database, DEVICE_REQUEST_BYTES)
    answer_problems(app)
    for module in modules("device_api"):
        app.register_blueprint(module.bp)
    return app
