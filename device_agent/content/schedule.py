"""When a song plays next. Pure: a schedule, a moment and a zone decide; the caller says whether its clock is set.

Times are read from the clock on the wall of the room. Where the clock goes forward, a time that it skips is not
played; where it goes back, a time that comes twice is played the first time.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from frame_protocol.content import Showing

HORIZON_DAYS = 8 * 366 + 1
"""A season of 29 February alone comes after eight years at the latest (1900 and 2100 have none)."""
DAY = timedelta(days=1)


def next_play(showings: Iterable[Showing], after: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the first time in ``zone``, not before ``after`` (aware), that a showing names; None: never."""
    begin = after.astimezone(zone).date() - DAY  # what began yesterday may go on over midnight
    found = [moment for showing in showings if (moment := _next(showing, begin, after, zone)) is not None]
    return min(found, key=lambda moment: moment.astimezone(UTC), default=None)


def is_in_season(showing: Showing, day: date) -> bool:
    """Whether a play may begin on this day; a season without years may go over the end of the year."""
    if len(showing.first_day) != len("MM-DD"):
        return showing.first_day <= day.isoformat() <= showing.last_day
    today = f"{day:%m-%d}"
    if showing.first_day <= showing.last_day:
        return showing.first_day <= today <= showing.last_day
    return today >= showing.first_day or today <= showing.last_day


def plays_on(showing: Showing, day: date) -> Iterator[datetime]:
    """Yield the wall-clock times (naive) of the plays that begin on this day, those after midnight included."""
    first = datetime.combine(day, time.fromisoformat(showing.start))
    if showing.end is None:
        yield first
        return
    end = datetime.combine(day, time.fromisoformat(showing.end))
    end = end if end > first else end + DAY
    moment = first
    while moment < end:
        yield moment
        moment += timedelta(minutes=showing.every_minutes)


def _next(showing: Showing, begin: date, after: datetime, zone: ZoneInfo) -> datetime | None:
    for number in range(HORIZON_DAYS):
        day = begin + number * DAY
        if not is_in_season(showing, day):
            continue
        for naive in plays_on(showing, day):
            moment = naive.replace(tzinfo=zone)
            if _exists(moment) and moment.astimezone(UTC) >= after.astimezone(UTC):
                return moment
    return None


def _exists(moment: datetime) -> bool:
    """Whether the wall clock of the zone shows this time on that day."""
    back = moment.astimezone(UTC).astimezone(moment.tzinfo)
    return back.replace(tzinfo=None) == moment.replace(tzinfo=None)
