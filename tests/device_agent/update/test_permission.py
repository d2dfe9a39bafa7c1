"""When an update waits: for a charger, for the end of a video, for the small hours where the frame hangs."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.cli import main
from device_agent.errors import ServerUnreachable, UpdateFailed
from device_agent.system import clock, lock, sensors
from device_agent.system.home import Home
from device_agent.update import window as windows
from device_agent.update.permission import LOW_BATTERY_PERCENT, Deed, Use, Window, may
from frame_protocol.updates import ArtefactKind, UpdateState
from tests.support.tiny_models import make_model
from tests.support.updating import UpdatingFrame, order

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FREE = Use(battery_percent=80.0, powered=False, playing=False, local=NOON)
NIGHT = Window(time(2), time(5))
DAY_MINUTES = 24 * 60
ZONES = ["Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Shanghai",
         "Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu"]  # fmt: skip

times = st.times().map(lambda value: value.replace(second=0, microsecond=0))
spans = st.builds(Window, times, times).filter(lambda window: window.start != window.end)
uses = st.builds(
    Use,
    battery_percent=st.none() | st.floats(0, 100),
    powered=st.sampled_from([None, True, False]),
    playing=st.booleans(),
    local=st.none() | st.datetimes(timezones=st.timezones()),
)


@pytest.mark.parametrize("deed", Deed)
def test_a_frame_that_is_free_may_do_everything(deed):
    assert may(deed, FREE, None) is None
    assert may(deed, Use(None, None, playing=False, local=None), NIGHT) is None


@pytest.mark.parametrize("deed", Deed)
def test_a_low_battery_holds_everything_until_a_charger_comes(deed):
    low = replace(FREE, battery_percent=LOW_BATTERY_PERCENT - 1)
    assert "19 %" in may(deed, low, None)
    assert may(deed, replace(low, powered=None), None)
    assert may(deed, replace(low, powered=True), None) is None
    assert may(deed, replace(low, battery_percent=LOW_BATTERY_PERCENT), None) is None


def test_a_video_holds_installing_and_activating_and_no_download():
    playing = replace(FREE, playing=True)
    assert [may(deed, playing, None) for deed in Deed] == [None, "a video plays", "a video plays"]


def test_the_window_holds_the_activation_alone():
    assert [may(deed, FREE, NIGHT) for deed in Deed] == [None, None, "the maintenance window is 02:00 to 05:00"]
    assert may(Deed.ACTIVATE, replace(FREE, local=NOON.replace(hour=2)), NIGHT) is None
    assert may(Deed.ACTIVATE, replace(FREE, local=None), NIGHT) is None


@given(st.sampled_from(Deed), uses, st.none() | spans)
def test_what_may_be_activated_may_be_installed_and_downloaded_and_less_use_forbids_less(deed, use, window):
    reasons = [may(each, use, window) for each in (Deed.DOWNLOAD, Deed.INSTALL, Deed.ACTIVATE)]
    allowed = [reason is None for reason in reasons]
    assert allowed == sorted(allowed, reverse=True)
    idle = Use(None, None, playing=False, local=use.local)
    assert may(deed, idle, None) is None
    if may(deed, use, window) is None:
        assert may(deed, replace(use, powered=True), window) is None
        assert may(deed, replace(use, playing=False), window) is None
        assert may(deed, use, None) is None


@given(spans, st.integers(0, DAY_MINUTES - 1))
def test_a_window_and_the_rest_of_the_day_share_every_minute(window, minute):
    moment = datetime(2026, 1, 1, minute // 60, minute % 60, tzinfo=UTC)
    assert window.is_open(moment) != Window(window.end, window.start).is_open(moment)


@settings(max_examples=60, deadline=None)
@given(spans, st.sampled_from(ZONES), st.integers(0, 3 * 365))
def test_a_window_of_more_than_an_hour_opens_every_day_whatever_the_clocks_do(window, zone, day):
    """A clock that jumps skips at most an hour (Lord Howe: half); Apia left out no day in these years."""
    length = (window.end.hour * 60 + window.end.minute - window.start.hour * 60 - window.start.minute) % DAY_MINUTES
    begin = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=day)
    moments = [clock.local((begin + timedelta(minutes=minute)).timestamp(), zone) for minute in range(0, 25 * 60, 5)]
    opened = [moment for moment in moments if window.is_open(moment)]
    for moment in opened:
        minutes = (moment.hour * 60 + moment.minute - window.start.hour * 60 - window.start.minute) % DAY_MINUTES
        assert minutes < length
    assert opened or length <= 65


def test_clocks_that_go_forward_skip_a_window_and_clocks_that_go_back_open_it_twice():
    window, minute = Window(time(2), time(3)), timedelta(minutes=1)
    for date, expected in [((2026, 3, 29), 0), ((2026, 3, 30), 60), ((2026, 10, 25), 120)]:
        begin = datetime(*date, tzinfo=UTC) - timedelta(hours=2)
        night = [clock.local((begin + minute * number).timestamp(), "Europe/Berlin") for number in range(6 * 60)]
        assert sum(window.is_open(moment) for moment in night) == expected


def test_a_zone_that_nobody_knows_is_utc():
    assert clock.local(0.0, "Mars/Olympus").utcoffset() == timedelta(0)
    assert clock.local(0.0, "../etc/passwd").utcoffset() == timedelta(0)


def test_a_window_is_chosen_shown_and_taken_away(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LIVEFRAME_HOME", str(tmp_path))
    for arguments, shown in [([], "any"), (["23:30-04:00"], "23:30-04:00"), ([], "23:30-04:00"), (["any"], "any")]:
        assert main(["update", "window", *arguments]) == 0
        assert capsys.readouterr().out == shown + "\n"
    assert windows.load(Home(tmp_path).update_window) is None


@pytest.mark.parametrize("text", ["", "02:00", "2-5", "02:00-02:00", "25:00-03:00", "02:00+01:00-05:00", "02:00-x"])
def test_what_is_no_window_is_refused(text):
    with pytest.raises(UpdateFailed, match="02:00-05:00"):
        windows.parse(text)


def test_a_damaged_window_holds_nothing_back(tmp_path):
    (tmp_path / "window").write_bytes(b'{"start":"02:00"')
    assert windows.load(tmp_path / "window") is None


def test_who_plays_is_seen_until_the_last_has_ended(tmp_path):
    home = Home(tmp_path)
    assert not lock.is_held(home.playing_lock)
    with lock.playing(home):
        with lock.playing(home):
            assert lock.is_held(home.playing_lock)
        assert lock.is_held(home.playing_lock)
    assert not lock.is_held(home.playing_lock)
    with lock.playing(Home(tmp_path / "nowhere")):
        assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, None),
        ({"bat": {"type": "Battery", "status": "Discharging"}}, False),
        ({"bat": {"type": "Battery", "status": "Charging"}}, True),
        ({"bat": {"type": "Battery", "status": "Discharging"}, "usb": {"type": "USB", "online": "0"}}, False),
        ({"bat": {"type": "Battery"}, "ac": {"type": "Mains", "online": "1"}}, True),
        ({"bat": {"type": "Battery"}}, None),
    ],
)
def test_whether_something_feeds_the_frame_is_read_and_not_guessed(tmp_path: Path, supplies, expected):
    for name, values in supplies.items():
        folder = tmp_path / "class" / "power_supply" / name
        folder.mkdir(parents=True)
        for key, value in values.items():
            (folder / key).write_text(value + "\n")
    assert sensors.powered(tmp_path) is expected


@pytest.mark.parametrize(
    ("deed", "rests_in"),
    [(Deed.DOWNLOAD, "downloading"), (Deed.INSTALL, "verified"), (Deed.ACTIVATE, "installed")],
)
def test_an_update_that_must_wait_rests_and_goes_on(published, served, tmp_path, deed, rests_in):
    base = make_model(tmp_path / "base")
    published.publish("base", 1, [(ArtefactKind.MODEL, base.tar)], result=base.weights)
    frame = UpdatingFrame(tmp_path / "frame", served.url, published.root)
    frame.assignment = order(1, "base")
    frame.why_wait = lambda asked: "not now" if asked is deed else None
    for _ in range(2):
        assert frame.poll().state is UpdateState(rests_in)
        assert frame.active_weights() is None
    frame.why_wait = lambda asked: None
    if deed is Deed.ACTIVATE:
        frame.assignment = ServerUnreachable("nobody is needed any more")
        with pytest.raises(ServerUnreachable):
            frame.poll()
        assert frame.journal().state is UpdateState.KEPT
    else:
        assert frame.poll().state is UpdateState.KEPT
    assert frame.active_weights() == base.weights
