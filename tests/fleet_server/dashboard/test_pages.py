import re
from html.parser import HTMLParser

import pytest

from fleet_server.auth.permissions import Role
from fleet_server.dashboard import chart
from fleet_server.features import modules

PAGES = ("/", "/frames", "/claims", "/playbacks", "/complaints", "/complaints?state=all", "/audit")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_empty_fleet_shows_pages_that_say_what_will_be_there(caller, path, language):
    answer = caller(Role.ADMINISTRATOR).get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'lang="{"zh-Hans" if language == "zh" else "en"}"' in answer.text


def test_a_page_that_does_not_exist_says_so(caller):
    answer = caller(Role.SUPPORT).get("/frames/frame-none0000")
    assert answer.status_code == 404
    assert "there is no frame frame-none0000" in answer.text


class Inline(HTMLParser):
    """Collects what a strict content security policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        self.found += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        self.found += [tag] if tag == "style" or (tag == "script" and "src" not in names) else []
        source = names.get("src") or (names.get("href") if tag == "link" else None) or ""
        self.found += [source] if source.startswith(("http:", "https:", "//")) else []


@pytest.mark.parametrize("path", [*PAGES, "/login"])
def test_no_page_carries_inline_style_or_script_or_foreign_files(caller, path):
    page = Inline()
    page.feed(caller(Role.ADMINISTRATOR).get(path).text)
    assert page.found == []


def test_the_chosen_language_stays(caller):
    client = caller(Role.SUPPORT)
    assert client.get("/language/zh?next=/frames").location == "/frames"
    assert "相框" in client.get("/frames").text


def test_every_text_of_the_templates_has_a_chinese_one(people):
    chinese = {text for module in modules("messages") for text in module.ZH}
    missing = set()
    for name in people.jinja_env.list_templates(extensions=["html"]):
        source = people.jinja_env.loader.get_source(people.jinja_env, name)[0]
        missing |= {(name, text) for text in re.findall(r'_\("([^"]+)"', source) if text not in chinese}
    assert missing == set()


def test_the_chart_draws_a_full_day_to_the_top_and_an_empty_day_not_at_all():
    full, empty = chart.bars([("2026-12-24", 10, 1.0), ("2026-12-25", 0, None)])
    assert (full.y, full.height) == (chart.TOP, chart.BASELINE - chart.TOP)
    assert (empty.height, empty.percent) == (0, None)


def test_health_and_metrics_answer(people, caller):
    assert people.test_client().get("/healthz").text == "ok\n"
    text = caller(Role.AUDITOR).get("/metrics").text
    assert "liveframe_frames 0\n" in text
    assert 'liveframe_complaints{state="filed"} 0\n' in text
