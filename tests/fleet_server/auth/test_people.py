import re
from dataclasses import replace

import pytest

from fleet_server.app import create_app
from fleet_server.auth import service as accounts
from fleet_server.auth.limits import count_try
from fleet_server.auth.permissions import GRANTS, Permission, Role, allows
from fleet_server.auth.views import safe_next
from fleet_server.errors import TooMany

PUBLIC = {"auth.login", "auth.logout", "assets.static", "dashboard.healthz", "dashboard.choose_language"}


def field(page: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def log_in(client, password: str, name: str = "admin"):
    token = field(client.get("/login").text)
    return client.post("/login", data={"name": name, "password": password, "csrf_token": token})


def test_every_page_names_a_permission(people):
    unguarded = {
        rule.endpoint
        for rule in people.url_map.iter_rules()
        if not hasattr(people.view_functions[rule.endpoint], "required_permission")
    }
    assert unguarded == PUBLIC


def test_every_permission_is_held_by_a_role_besides_the_administrator_or_is_theirs_alone():
    alone = {permission for permission in Permission if sum(allows(role, permission) for role in Role) == 1}
    assert alone == {Permission.DEVICES_MANAGE, Permission.USERS_MANAGE}
    assert GRANTS[Role.ADMINISTRATOR] == set(Permission)


def test_the_one_who_rolls_out_does_not_approve():
    assert not allows(Role.RELEASE_MANAGER, Permission.ROLLOUTS_APPROVE)
    assert not allows(Role.APPROVER, Permission.ROLLOUTS_MANAGE)


def test_a_stranger_is_asked_to_log_in(people):
    answer = people.test_client().get("/complaints?state=filed")
    assert answer.status_code == 302
    assert answer.location == "/login?next=/complaints?state%3Dfiled"


def test_a_program_without_a_token_gets_401(people):
    answer = people.test_client().get("/api/v1/completion")
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")


def test_logging_in_and_out(people, password):
    client = people.test_client()
    assert log_in(client, password).status_code == 302
    page = client.get("/")
    assert page.status_code == 200
    client.post("/logout", data={"csrf_token": field(page.text)})
    assert client.get("/").status_code == 302


def test_a_wrong_password_and_an_unknown_name_look_alike(people, password):
    client = people.test_client()
    wrong, unknown = log_in(client, "x" * 16), log_in(client, "x" * 16, "nobody-here")
    assert wrong.status_code == unknown.status_code == 401
    strip = re.compile(r'value="[^"]*"')
    assert strip.sub("", wrong.text) == strip.sub("", unknown.text)


def test_guessing_passwords_is_limited(config, database):
    client = create_app(replace(config, login_attempts_per_minute=1), database).test_client()
    answers = [log_in(client, "x" * 16).status_code for _ in range(3)]  # at least two of them in one minute
    assert answers[0] == 401
    assert 429 in answers


def test_tries_are_counted_by_key_and_minute(database):
    def tried(key: str, now: float) -> None:
        with database.transaction() as session:
            count_try(session, key, 2, now)

    for _ in range(2):
        tried("a", 60.0)
    with pytest.raises(TooMany, match="wait a minute"):
        tried("a", 119.0)
    tried("b", 119.0)
    tried("a", 120.0)


def test_a_form_without_its_csrf_field_changes_nothing(people, password):
    client = people.test_client()
    log_in(client, password)
    assert client.post("/claims", data={"count": 1}).status_code == 400


def test_a_token_acts_within_its_role_only(caller):
    support = caller(Role.SUPPORT)
    assert support.get("/api/v1/completion").status_code == 200
    assert support.get("/audit").status_code == 403
    assert support.post("/claims", data={"count": 1}).status_code == 403


def test_tokens_and_passwords_are_kept_as_hashes(database, config):
    with database.transaction() as session:
        token = accounts.create_token(session, "test", "lab", Role.LABORATORY)
        accounts.add_user(session, "test", "ada", Role.SUPPORT, "correct horse battery")
    stored = b"".join(path.read_bytes() for path in config.data_dir.glob("fleet.sqlite3*"))
    assert token.encode() not in stored
    assert b"correct horse" not in stored
    assert b"$argon2id$" in stored


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "", None])
def test_login_never_leads_to_another_server(target):
    assert safe_next(target) is None


def test_every_answer_carries_the_security_headers(people):
    headers = people.test_client().get("/login").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_session_cookie_is_out_of_reach_of_scripts(people, password):
    answer = log_in(people.test_client(), password)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
