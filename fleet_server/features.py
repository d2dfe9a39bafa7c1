"""The features of the server and what each may bring; a folder that lacks a file simply brings less.

models.py      tables (SQLAlchemy, ``db.Base``)
service.py     use cases; take a Session, act inside the caller's transaction
views.py       ``bp``: pages and API for people
device_api.py  ``bp``: calls of frames
commands.py    ``add_commands(subparsers)``
messages.py    ``ZH``: Chinese for the English texts in its templates
templates/<feature>/
"""

import importlib
import importlib.util
from collections.abc import Iterator
from types import ModuleType

FEATURES = (
    "auth",
    "audit",
    "pki",
    "devices",
    "broker",
    "telemetry",
    "signing",
    "firmware",
    "releases",
    "rollouts",
    "complaints",
    "dashboard",
    "serve",
)


def modules(name: str) -> Iterator[ModuleType]:
    """Import ``fleet_server.<feature>.<name>`` of every feature that has it, in the order of FEATURES."""
    for feature in FEATURES:
        qualified = f"fleet_server.{feature}.{name}"
        if importlib.util.find_spec(f"fleet_server.{feature}") and importlib.util.find_spec(qualified):
            yield importlib.import_module(qualified)
