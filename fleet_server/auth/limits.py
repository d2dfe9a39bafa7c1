"""Rate limits shared by all workers: one row per key and minute, counted in SQL."""

import time

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from fleet_server.auth.models import RateWindow
from fleet_server.errors import TooMany

WINDOW_SECONDS = 60
KEPT_WINDOWS = 5
KEY_LENGTH = 128


def count_try(session: Session, key: str, limit: int, now: float | None = None) -> None:
    """Count one try of ``key`` in this minute; raise TooMany above ``limit``."""
    key = key[:KEY_LENGTH]
    window = int((time.time() if now is None else now) // WINDOW_SECONDS)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(RateWindow).values(key=key, window=window, tries=1)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[RateWindow.key, RateWindow.window], set_={"tries": RateWindow.tries + 1}
        )
    )
    tries = session.scalar(select(RateWindow.tries).where(RateWindow.key == key, RateWindow.window == window)) or 0
    if tries == 1:
        session.execute(delete(RateWindow).where(RateWindow.window < window - KEPT_WINDOWS))
    if tries > limit:
        raise TooMany(f"more than {limit} tries in a minute; wait a minute and try again")
