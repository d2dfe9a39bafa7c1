"""Bring the database's schema to the newest revision; the one file of the server that knows Alembic."""

import importlib.util
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig

from fleet_server.errors import ConfigurationError


def _alembic(url: str) -> AlembicConfig:
    """Alembic's configuration for ``url``, wherever the migrations are installed."""
    found = importlib.util.find_spec("migrations")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError("the package `migrations` is not installed beside fleet_server; reinstall liveframe")
    configuration = AlembicConfig()
    configuration.set_main_option("script_location", str(Path(found.submodule_search_locations[0])))
    configuration.attributes["url"] = url
    return configuration


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate up, from empty if need be."""
    command.upgrade(_alembic(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Migrate back to ``revision`` (``base``: to empty)."""
    command.downgrade(_alembic(url), revision)


def check(url: str) -> None:
    """Raise unless the tables in code and database are the same."""
    command.check(_alembic(url))
