"""When a certificate is renewed; how, is in tests/journeys."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.enrolment.renew import is_due, renew_if_due
from device_agent.system import clock
from tests.support.frame import enrolled_home

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = timedelta(days=90)


@given(st.integers(min_value=-90, max_value=900))
def test_it_is_due_in_the_last_third_and_ever_after(day):
    assert is_due(BEGINS, BEGINS + LIFE, BEGINS + timedelta(days=day)) == (day >= 60)


@pytest.mark.parametrize("now", [0.0, 86_400.0])
def test_a_clock_in_1970_asks_for_nothing(tmp_path, authority, monkeypatch, now):
    home = enrolled_home(tmp_path, authority, mqtt_port=1)
    monkeypatch.setattr(clock, "wall", lambda: now)
    assert renew_if_due(home) is False
