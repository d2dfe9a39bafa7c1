"""The next time a song plays: seasons, hours, and clocks that jump."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from device_agent.content.schedule import is_in_season, next_play, plays_on
from tests.support.songs import EVERY_EVENING

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOURLY = replace(EVERY_EVENING, end="20:30", every_minutes=60)


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def shown(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-06-01 12:00", "2026-12-01 17:00"),
        ("2026-12-01 16:59", "2026-12-01 17:00"),
        ("2026-12-01 17:00", "2026-12-01 17:00"),
        ("2026-12-01 17:01", "2026-12-01 18:00"),
        ("2026-12-01 20:01", "2026-12-02 17:00"),
        ("2026-12-26 20:00", "2026-12-26 20:00"),
        ("2026-12-26 20:01", "2027-12-01 17:00"),
    ],
)
def test_a_season_comes_back_every_year(now, expected):
    assert shown(next_play([HOURLY], at(now), BERLIN)) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-01-01 00:00", "2026-12-24 18:00"), ("2026-12-24 18:01", None), ("2027-12-01 00:00", None)],
)
def test_a_season_with_a_year_comes_once(now, expected):
    once = replace(EVERY_EVENING, first_day="2026-12-24", last_day="2026-12-24", start="18:00")
    assert shown(next_play([once], at(now), BERLIN)) == expected


def test_a_season_may_go_over_the_end_of_the_year():
    winter = replace(EVERY_EVENING, first_day="12-20", last_day="01-06")
    days = [date(2026, 12, 19), date(2026, 12, 20), date(2027, 1, 6), date(2027, 1, 7)]
    assert [is_in_season(winter, day) for day in days] == [False, True, True, False]


def test_the_end_of_february_is_there_in_every_year():
    february = replace(EVERY_EVENING, first_day="02-01", last_day="02-29")
    assert shown(next_play([february], at("2027-02-28 17:01"), BERLIN)) == "2028-02-01 17:00"
    leap_day = replace(february, first_day="02-29")
    assert shown(next_play([leap_day], at("2028-03-01 00:00"), BERLIN)) == "2032-02-29 17:00"


def test_plays_over_midnight_belong_to_the_day_they_begin_on():
    new_year = replace(
        EVERY_EVENING, first_day="2026-12-31", last_day="2026-12-31", start="23:30", end="00:30", every_minutes=15
    )
    assert [f"{moment:%d %H:%M}" for moment in plays_on(new_year, date(2026, 12, 31))] == [
        "31 23:30", "31 23:45", "01 00:00", "01 00:15",
    ]  # fmt: skip
    assert shown(next_play([new_year], at("2027-01-01 00:01"), BERLIN)) == "2027-01-01 00:15"
    assert next_play([new_year], at("2027-01-01 00:16"), BERLIN) is None


def test_the_earliest_of_several_showings_is_next():
    morning = replace(EVERY_EVENING, start="08:00")
    assert shown(next_play([HOURLY, morning], at("2026-12-01 20:30"), BERLIN)) == "2026-12-02 08:00"
    assert next_play([], at("2026-12-01 20:30"), BERLIN) is None


def test_five_in_the_evening_is_five_where_the_frame_hangs():
    now = datetime(2026, 11, 30, tzinfo=UTC)
    assert next_play([EVERY_EVENING], now, SHANGHAI).astimezone(UTC) == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert next_play([EVERY_EVENING], now, BERLIN).astimezone(UTC) == datetime(2026, 12, 1, 16, tzinfo=UTC)


def all_plays(showing, begin: datetime, hours: int) -> list[datetime]:
    found, now = [], begin
    while (moment := next_play([showing], now, BERLIN)) is not None and moment < begin + timedelta(hours=hours):
        found.append(moment)
        now = moment.astimezone(UTC) + timedelta(seconds=1)
    return found


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        ("2026-03-29", ["01:30", "03:30"]),
        ("2026-03-30", ["01:30", "02:30", "03:30"]),
        ("2026-10-25", ["01:30", "02:30", "03:30"]),
    ],
)
def test_where_the_clock_jumps_a_skipped_time_is_not_played_and_a_doubled_one_once(night, expected):
    showing = replace(
        EVERY_EVENING, first_day="01-01", last_day="12-31", start="01:30", end="04:00", every_minutes=60
    )
    begin = at(f"{night} 00:00").astimezone(UTC)
    assert [f"{moment:%H:%M}" for moment in all_plays(showing, begin, 5)] == expected


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([BERLIN, SHANGHAI, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")]),
    st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1)),
    st.integers(0, 23),
    st.integers(5, 300),
)
def test_the_next_play_is_on_time_in_season_and_none_lies_between(zone, now, hour, every):
    showing = replace(
        EVERY_EVENING, first_day="11-20", last_day="02-10", start=f"{hour:02d}:30", end="23:59", every_minutes=every
    )
    begin = now.replace(tzinfo=UTC)
    moment = next_play([showing], begin, zone)
    assert moment.astimezone(UTC) >= begin
    assert moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == moment.replace(tzinfo=None)
    days = (moment.date(), moment.date() - timedelta(days=1))
    assert any(is_in_season(showing, day) and moment.replace(tzinfo=None) in plays_on(showing, day) for day in days)
    before = begin + (moment.astimezone(UTC) - begin) / 2
    assert next_play([showing], before, zone) == moment
