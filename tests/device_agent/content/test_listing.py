"""What ``device-agent content`` tells a person and a program."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from device_agent.cli import main
from device_agent.system import clock, identity
from device_agent.system.home import Home
from tests.support.frame import enrolled_home
from tests.support.songs import make_song, write_pack

NOVEMBER = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def home(authority, tmp_path, monkeypatch) -> Home:
    """A frame in Shanghai whose clock is set."""
    home = enrolled_home(tmp_path / "home", authority, mqtt_port=1)
    identity.save(home, replace(identity.load(home).record, timezone="Asia/Shanghai"))
    monkeypatch.setenv("LIVEFRAME_HOME", str(home.root))
    monkeypatch.setattr(clock, "wall", lambda: NOVEMBER)
    return home


def install(home: Home, *packs: Path) -> Path:
    slot = home.content / "a"
    slot.mkdir(parents=True)
    for pack in packs:
        (slot / f"{pack.name.rpartition('-')[0]}.json").write_bytes(pack.read_bytes())
    (home.content / "active").symlink_to("a")
    return slot


def listed(capsys) -> dict:
    assert main(["content", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_frame_without_packs_says_so(home, capsys):
    assert main(["content"]) == 0
    assert capsys.readouterr().out == "no song packs are installed\n"
    assert listed(capsys)["packs"] == []


def test_every_song_is_listed_with_the_next_time_it_plays(home, tmp_path, capsys):
    install(home, write_pack(tmp_path, version=3), write_pack(tmp_path, "birthday", songs=[make_song()], schedule=[]))
    (birthday, christmas) = listed(capsys)["packs"]
    assert (birthday["pack"], birthday["songs"][0]["next_play"]) == ("birthday", None)
    assert (christmas["pack"], christmas["version"]) == ("christmas", 3)
    assert christmas["songs"] == [
        {
            "song": "bells",
            "titles": {"en": "Bells", "zh-Hans": "铃"},
            "seconds": 1.0,
            "lyrics": ["en", "zh-Hans"],
            "next_play": "2026-12-01T17:00:00+08:00",
        }
    ]
    assert main(["content"]) == 0
    out = capsys.readouterr().out
    assert "christmas 3: christmas 3 / 圣诞节" in out
    assert "  bells: Bells / 铃, 1 s, plays next 2026-12-01 17:00 CST" in out
    assert "not scheduled" in out


@pytest.mark.parametrize("wrong", [0.0, clock.BUILD_FLOOR - 1])
def test_a_clock_that_is_not_set_schedules_nothing_and_says_so(home, tmp_path, capsys, monkeypatch, wrong):
    install(home, write_pack(tmp_path))
    monkeypatch.setattr(clock, "wall", lambda: wrong)
    found = listed(capsys)
    assert found["clock_is_set"] is False
    assert found["packs"][0]["songs"][0]["next_play"] is None
    main(["content"])
    assert "the clock is not set" in capsys.readouterr().out


def test_a_clock_behind_what_the_frame_has_seen_is_not_set_either(home, tmp_path, capsys):
    install(home, write_pack(tmp_path))
    clock.raise_floor(home.clock_floor, NOVEMBER + 7200)
    assert listed(capsys)["clock_is_set"] is False


def test_a_pack_that_was_taken_away_is_not_listed(home, tmp_path, capsys):
    install(home, write_pack(tmp_path, version=2, songs=[]))
    assert listed(capsys)["packs"] == []


def test_a_pack_that_has_suffered_is_a_problem_and_hides_no_other(home, tmp_path, capsys):
    slot = install(home, write_pack(tmp_path), write_pack(tmp_path, "birthday"))
    (slot / "birthday.json").write_bytes(b"rot")
    found = listed(capsys)
    assert [pack["pack"] for pack in found["packs"]] == ["christmas"]
    assert "birthday.json" in found["problems"][0]


def test_a_zone_that_nobody_knows_is_named_as_a_problem(home, capsys):
    identity.save(home, replace(identity.load(home).record, timezone="Mars/Olympus"))
    found = listed(capsys)
    assert (found["timezone"], found["problems"]) == (
        "UTC",
        ["the time zone Mars/Olympus is not known here; UTC is used"],
    )


def test_a_frame_that_is_not_enrolled_lists_in_utc(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LIVEFRAME_HOME", str(tmp_path))
    assert listed(capsys)["timezone"] == "UTC"
