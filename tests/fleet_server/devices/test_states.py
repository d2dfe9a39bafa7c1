from datetime import timedelta

import pytest

from fleet_server.db import utc_now
from fleet_server.devices import service
from fleet_server.telemetry.store import touch_condition

LONG_AGO = service.SILENCE + timedelta(seconds=5)


def say(database, frame_id: str, *, online: bool, ago: timedelta = timedelta()) -> None:
    with database.transaction() as session:
        touch_condition(session, frame_id, {"online": online, "boot": "0" * 16, "heard_at": utc_now() - ago})


@pytest.mark.parametrize(
    ("world", "state"),
    [
        (lambda database, frame: None, "never seen"),
        (lambda database, frame: say(database, frame, online=True), "online"),
        (lambda database, frame: say(database, frame, online=False), "offline"),
        (lambda database, frame: say(database, frame, online=True, ago=LONG_AGO), "offline"),
    ],
)
def test_the_list_and_its_filter_agree_about_a_frame(database, frame, world, state):
    world(database, frame.frame_id)
    with database.reading() as session:
        assert service.get(session, frame.frame_id).state == state
        for asked in ("online", "offline", "never seen", "revoked"):
            rows, total = service.search(session, "", asked, limit=10, offset=0)
            assert total == service.count(session, asked) == len(rows) == (1 if asked == state else 0)


def test_revoked_wins_over_online(database, frame):
    say(database, frame.frame_id, online=True)
    with database.transaction() as session:
        service.revoke(session, "ada", frame.frame_id, "stolen")
    with database.reading() as session:
        assert service.get(session, frame.frame_id).state == "revoked"
        assert service.count(session, "online") == 0


def test_search_takes_its_own_wildcards_literally(database, new_frame):
    first, _ = new_frame("LF-A1-0001"), new_frame("LF-B1-0002")
    with database.reading() as session:
        rows, total = service.search(session, "A1", "", limit=10, offset=0)
        assert [row.frame.id for row in rows] == [first.frame_id]
        assert total == 1
        assert service.search(session, "%", "", limit=10, offset=0)[1] == 0
        assert service.search(session, "_", "", limit=10, offset=0)[1] == 0
