"""The completion rate: completed playbacks / playbacks. Every number here has a list behind it (``playbacks``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVarTuple

from sqlalchemy import Integer, Select, cast, func, select
from sqlalchemy.orm import Session

from fleet_server.db import utc_now
from fleet_server.telemetry.models import Playback

Columns = TypeVarTuple("Columns")


@dataclass(frozen=True)
class Rate:
    """Playbacks and how many of them were watched to the end."""

    playbacks: int
    completed: int

    @property
    def rate(self) -> float | None:
        """Completed / playbacks; None when nothing was played."""
        return self.completed / self.playbacks if self.playbacks else None


@dataclass(frozen=True)
class Completion:
    """The rate over all, by fill mode and by model."""

    overall: Rate
    by_fill: dict[str, Rate]
    by_model: dict[str, Rate]


@dataclass(frozen=True)
class Filter:
    """Which playbacks are meant; empty text and None ask for nothing."""

    since: datetime | None = None
    until: datetime | None = None
    fill: str = ""
    model_id: str = ""
    frame_id: str = ""
    completed: bool | None = None


def completion(session: Session, wanted: Filter) -> Completion:
    """Count playbacks; the database groups, one scan."""
    counts = select(
        Playback.fill, Playback.model_id, func.count(), func.sum(cast(Playback.completed, Integer))
    ).group_by(Playback.fill, Playback.model_id)
    rows = [(fill, model, total, done or 0) for fill, model, total, done in session.execute(_narrow(counts, wanted))]
    return Completion(
        overall=Rate(sum(row[2] for row in rows), sum(row[3] for row in rows)),
        by_fill=_grouped([(fill, total, done) for fill, _, total, done in rows]),
        by_model=_grouped([(model, total, done) for _, model, total, done in rows]),
    )


def by_day(session: Session, days: int) -> list[tuple[str, Rate]]:
    """The rate of each of the last ``days`` days (UTC), oldest first; days without playbacks have an empty rate."""
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=days - 1)
    if session.get_bind().dialect.name == "postgresql":
        day = func.to_char(func.timezone("UTC", Playback.received_at), "YYYY-MM-DD")
    else:
        day = func.strftime("%Y-%m-%d", Playback.received_at)
    query = select(day, func.count(), func.sum(cast(Playback.completed, Integer))).group_by(day)
    found = {
        str(name): Rate(total, done or 0)
        for name, total, done in session.execute(query.where(Playback.received_at >= first))
    }
    names = [(first + timedelta(days=number)).strftime("%Y-%m-%d") for number in range(days)]
    return [(name, found.get(name, Rate(0, 0))) for name in names]


def playbacks(session: Session, wanted: Filter, *, limit: int, offset: int) -> tuple[Sequence[Playback], int]:
    """The list behind the numbers: a page of playbacks, newest first, and how many there are."""
    total = session.scalar(_narrow(select(func.count()).select_from(Playback), wanted)) or 0
    query = _narrow(select(Playback), wanted).order_by(Playback.received_at.desc(), Playback.seq.desc())
    return session.scalars(query.limit(limit).offset(offset)).all(), total


def _narrow(query: Select[*Columns], wanted: Filter) -> Select[*Columns]:
    """Apply the filter."""
    if wanted.since is not None:
        query = query.where(Playback.received_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Playback.received_at < wanted.until)
    if wanted.fill:
        query = query.where(Playback.fill == wanted.fill)
    if wanted.model_id:
        query = query.where(Playback.model_id == wanted.model_id)
    if wanted.frame_id:
        query = query.where(Playback.frame_id == wanted.frame_id)
    if wanted.completed is not None:
        query = query.where(Playback.completed.is_(wanted.completed))
    return query


def _grouped(rows: Sequence[tuple[str, int, int]]) -> dict[str, Rate]:
    """Sum rows of the same name."""
    rates: dict[str, Rate] = {}
    for name, total, done in sorted(rows):
        before = rates.get(name, Rate(0, 0))
        rates[name] = Rate(before.playbacks + total, before.completed + done)
    return rates
