"""Alembic's entry: which database, which tables, how carefully.

Rules for every migration: a way back (``downgrade``); names for all constraints (db.NAMING); on PostgreSQL a short
lock timeout, so that a migration gives up instead of stopping the fleet; large changes in steps (add, fill,
switch, drop). Revision ids count up: "0001", "0002", ...; one file per feature and change. After 0004 comes "0005"
(releases and rollouts), whose down_revision is "0004".
"""

from pathlib import Path
from typing import Literal

from alembic import context
from sqlalchemy import Connection, text

from fleet_server import config as settings
from fleet_server.db import Base, UtcDateTime, make_engine
from fleet_server.features import modules

LOCK_TIMEOUT = "4s"
STATEMENT_TIMEOUT = "60s"


def _url() -> str:
    """The database named by the caller: attribute ``url``, ``-x url=`` or ``-x data=``."""
    given = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    if given:
        return str(given)
    data = context.get_x_argument(as_dictionary=True).get("data")
    if not data:
        raise SystemExit("migrations: expected -x data=DIR or -x url=URL")
    return settings.load(Path(data)).url


def _render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our own column type as the plain one it is in the database, so that revisions never import the server."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def _run(connection: Connection) -> None:
    """Migrate in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=_render,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'"))
        context.run_migrations()


def main() -> None:
    """Load every feature's tables and migrate."""
    for _ in modules("models"):
        pass
    engine = make_engine(_url())
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # Batch mode rebuilds tables; a drop must not cascade into rows that refer to them.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")
        _run(connection)
        connection.commit()
    engine.dispose()


main()
