"""Rollouts through the doors for people: the API and the pages."""

import re
from datetime import UTC, datetime

import pytest

from fleet_server.auth.permissions import Role
from fleet_server.rollouts import service
from frame_protocol.updates import UpdateState as S
from tests.support.rollouts import apply, assigned, report, run


def test_the_api_makes_shows_and_steers_a_rollout(releases, frame, caller, database):
    client = caller(Role.RELEASE_MANAGER)
    made = client.post("/api/v1/rollouts", json={"release": "base", "frames": [frame.frame_id]})
    assert (made.status_code, made.json["state"]) == (201, "running")
    number = made.json["id"]
    with database.reading() as session:
        rollout = service.get(session, number)
    apply(database, report(rollout, frame.frame_id, S.TRYING))
    shown = client.get(f"/api/v1/rollouts/{number}").json
    assert shown["counts"]["trying"] == 1
    assert shown["actions"] == ["halt", "finish", "withdraw"]
    assert client.post(f"/api/v1/rollouts/{number}/halt", json={"reason": "wait"}).json["state"] == "halted"
    assert client.post(f"/api/v1/rollouts/{number}/halt").status_code == 409
    assert client.post(f"/api/v1/rollouts/{number}/explode").status_code == 422
    assert client.post("/api/v1/rollouts", data=b"junk").status_code == 422
    assert [row["id"] for row in client.get("/api/v1/rollouts").json["rollouts"]] == [number]


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.AUDITOR, Role.LABORATORY])
def test_others_watch_and_do_not_touch(rollout, caller, role):
    client = caller(role)
    assert client.get("/api/v1/rollouts").status_code == 200
    assert client.post("/api/v1/rollouts", json={"release": "base", "percent": 100}).status_code == 403
    assert client.post(f"/api/v1/rollouts/{rollout.id}/halt").status_code == 403


def test_every_number_on_the_page_links_to_its_list(releases, fleet_of, caller, database):
    frames = fleet_of(3)
    rollout = run(database, "base", percent=100)
    apply(database, *(report(rollout, frame, S.KEPT) for frame in frames[:2]))
    apply(database, report(rollout, frames[2], S.REVERTED, reason="self-test: 0.4 of the tokens"))
    client = caller(Role.RELEASE_MANAGER)
    page = client.get(f"/rollouts/{rollout.id}").text
    for state, expected in (("kept", frames[:2]), ("reverted", frames[2:]), ("refused", [])):
        link = f"/rollouts/{rollout.id}/frames?state={state}"
        number = re.search(re.escape(link) + r'"[^>]*>\s*(?:<[^>]+>\s*)*(\d+)', page)[1]
        listed = client.get(link).text
        assert int(number) == len(expected)
        assert all((frame in listed) == (frame in expected) for frame in frames)
    assert "0.4 of the tokens" in client.get(f"/rollouts/{rollout.id}/frames?state=reverted").text
    assert "Stop now" in page
    assert client.get(f"/rollouts/{rollout.id}/frames?state=broken").status_code == 422


def test_the_form_makes_a_rollout(releases, frame, caller, database):
    client = caller(Role.RELEASE_MANAGER)
    assert "base" in client.get("/rollouts/new?release=base").text
    answer = client.post("/rollouts", data={"release": "base", "frames": f"{frame.frame_id}\n", "start": "yes"})
    assert answer.status_code == 302
    assert assigned(database, frame.frame_id).release == "base"
    page = client.get(answer.headers["Location"]).text
    assert frame.frame_id in page
    assert "running" in client.get("/rollouts").text
    assert client.post(f"{answer.headers['Location']}/halt", data={"reason": "look first"}).status_code == 302
    assert "look first" in client.get(answer.headers["Location"]).text
    assert client.post("/rollouts", data={"release": "base", "percent": "many"}).status_code == 422


def test_the_pages_speak_chinese(rollout, caller):
    client = caller(Role.SUPPORT)
    page = client.get(f"/rollouts/{rollout.id}", headers={"Accept-Language": "zh"}).text
    assert "推送" in page
    assert datetime.now(UTC).strftime("%Y-%m-%d") in page
