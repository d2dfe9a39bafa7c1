"""A short voice fills a longer video: said once and at rest, or said again."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from device_agent.engine.ahead import ahead
from device_agent.engine.timeline import PAUSE_SECONDS, plan
from device_agent.engine.voice import Voice
from device_agent.errors import VoiceSilent
from frame_protocol.telemetry import Fill


def voice(seconds: float) -> Voice:
    return Voice(
        np.ones(round(seconds * 16000), dtype=np.float32), np.full(round(seconds * 48000), 9, dtype=np.int16)
    )


def test_a_short_voice_is_said_once_in_fifteen_seconds() -> None:
    made = plan(voice(4.7), None, Fill.IDLE)
    assert made.frames == 375
    assert len(made.speech) == round(4.7 * 16000)
    assert made.warnings == ()


def test_a_longer_voice_makes_a_longer_video() -> None:
    assert plan(voice(20.0), None, Fill.IDLE).frames == 500


def test_a_duration_that_cuts_the_voice_is_said() -> None:
    made = plan(voice(8.0), 5.0, Fill.IDLE)
    assert made.frames == 125
    assert len(made.sound) == 5 * 48000
    assert "its end is cut" in made.warnings[0]


def test_repeat_says_it_again_with_pauses_and_never_breaks_off() -> None:
    made = plan(voice(4.0), 15.0, Fill.REPEAT)
    assert len(made.speech) == pytest.approx((3 * 4.0 + 2 * PAUSE_SECONDS) * 16000)
    pause = made.sound[4 * 48000 : round((4 + PAUSE_SECONDS) * 48000)]
    assert not pause.any()
    assert made.sound[round((4 + PAUSE_SECONDS) * 48000)] == 9
    assert len(made.sound) <= 15 * 48000


@pytest.mark.parametrize("seconds", [0.2, 1.0, 1.001, 2.04])
def test_the_video_is_never_shorter_than_asked(seconds: float) -> None:
    assert plan(voice(1.0), seconds, Fill.IDLE).frames == int(np.ceil(round(seconds * 25, 6)))


def test_items_worked_out_ahead_come_in_order_and_errors_come_out() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise VoiceSilent("nobody speaks")

    with pytest.raises(VoiceSilent):
        list(ahead(items()))
    assert list(itertools.islice(ahead(items()), 5)) == [0, 1, 2, 3, 4]
    assert list(ahead(iter([]))) == []
