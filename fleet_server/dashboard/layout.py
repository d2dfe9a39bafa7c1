"""What every page shares: the layout's folder of templates and files, languages, times, navigation.

A feature's template says ``{% extends "dashboard/base.html" %}`` and fills the blocks ``title`` and ``content``.
In templates: ``_("English text")`` translates (the English text is the key; Chinese comes from the feature's
``messages.py``), ``moment(value)`` shows a time with its zone, ``may("permission")`` asks for a right.
"""

from datetime import UTC, datetime
from pathlib import Path

from flask import Blueprint, Flask, request, session
from markupsafe import Markup

from fleet_server.features import modules

LANGUAGES = ("en", "zh")
NAVIGATION = (
    ("dashboard.home", "Home", None),
    ("devices.index", "Frames", "devices:read"),
    ("telemetry.playbacks", "Playbacks", "telemetry:read"),
    ("complaints.index", "Complaints", "complaints:read"),
    ("releases.index", "Releases", "releases:read"),
    ("rollouts.index", "Rollouts", "rollouts:read"),
    ("dashboard.audit_log", "Audit log", "audit:read"),
)
"""Endpoint, text, permission; an entry whose endpoint is not there is left out."""


def language() -> str:
    """The viewer's language: what was chosen, else what the browser asks for, else English."""
    chosen = session.get("language")
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or "en"


def install(app: Flask) -> None:
    """Give ``app`` the shared template functions and files."""
    chinese: dict[str, str] = {}
    for module in modules("messages"):
        chinese.update(module.ZH)

    def translate(text: str, **values: object) -> str:
        found = chinese.get(text, text) if language() == "zh" else text
        return found.format(**values) if values else found

    here = Path(__file__).parent
    app.register_blueprint(
        Blueprint(
            "assets",
            __name__,
            static_folder=str(here / "static"),
            static_url_path="/static",
            template_folder="templates",
        )
    )
    app.jinja_env.globals.update(_=translate, language=language, moment=moment, navigation=_navigation(app))
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def moment(value: datetime | float | None) -> Markup:
    """A time in UTC with its zone, readable by machines too."""
    if value is None:
        return Markup("–")
    at = datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else value.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), at.strftime("%Y-%m-%d %H:%M:%S"))


def _navigation(app: Flask) -> "object":
    """Return a function that lists the entries whose pages exist."""
    return lambda: [entry for entry in NAVIGATION if entry[0] in app.view_functions]
