"""INSERT ... ON CONFLICT of the database in use."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from fleet_server.db import Base


def upsert(session: Session, model: type[Base]) -> Any:  # noqa: ANN401  the two Inserts share no base with on_conflict
    """Return an INSERT that knows ON CONFLICT."""
    dialect = session.get_bind().dialect.name
    return postgresql.insert(model) if dialect == "postgresql" else sqlite.insert(model)
