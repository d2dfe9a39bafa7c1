"""docs/fleet-server.md names every setting, role and call."""

import re
from dataclasses import fields
from pathlib import Path

from fleet_server.auth.permissions import Role
from fleet_server.config import Config

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "fleet-server.md").read_text(encoding="utf-8")


def test_every_setting_is_on_the_page_and_no_other():
    table = PAGE.split("## Settings", 1)[1].split("\n## ", 1)[0]
    named = {
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert named == {field.name for field in fields(Config)} - {"data_dir"}


def test_every_role_is_on_the_page():
    assert set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.split("## Who may", 1)[1], re.M)) == {
        role.value for role in Role
    }


def test_every_call_of_the_api_is_on_the_page(people):
    ours = ("devices.", "telemetry.", "complaints.", "dashboard.")
    calls = {
        re.sub(r"<[^>]*complaint_id>", "{id}", rule.rule)
        for rule in people.url_map.iter_rules()
        if rule.endpoint.startswith(ours) and rule.rule.startswith("/api/")
    }
    missing = {call for call in calls if f"`GET {call.split('<')[0]}" not in PAGE and f"`POST {call}`" not in PAGE}
    assert missing == set()
