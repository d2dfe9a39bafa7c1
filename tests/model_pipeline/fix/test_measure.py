"""What fails in a clip is decided from curves alone."""

import numpy as np
import pytest

from model_pipeline.fix.curve import MouthCurve, expected_opening, filled, still_frames
from model_pipeline.fix.findings import Fault, findings
from model_pipeline.fix.measure import best_lag, measure
from model_pipeline.fix.phones import Phone, SoundClass

SYLLABLES = (
    "P",
    "AA",
    "S",
    "EH",
    "M",
    "AO",
    "T",
    "IY",
    "B",
    "AE",
    "K",
    "UW",
    "F",
    "AY",
    "L",
    "EH",
    "M",
    "AA",
    "B",
    "IY",
)
START_S = 1.0
"""Silence before the first sound."""


def phones(sure=True):
    step = 0.16
    spoken = [Phone(label, START_S + i * step, START_S + (i + 1) * step, sure) for i, label in enumerate(SYLLABLES)]
    end = spoken[-1].end
    return [Phone("SIL", 0.0, START_S), *spoken, Phone("SIL", end, end + 1.0)]


def curve(opening=None, *, shift=0, scale=1.0, offset=0.7, voice_start_s=0.0, idle=0.0):
    sounds = phones()
    frames = int((sounds[-1].end + voice_start_s) * 25) + 10
    wanted = expected_opening(sounds, voice_start_s, frames)
    wanted = np.roll(wanted, shift) * scale if opening is None else np.full(frames, float(opening))
    times = (np.arange(frames) + 0.5) / 25 - voice_start_s
    silent = (times < START_S) | (times > sounds[-1].start)
    wanted = wanted + np.where(silent, idle * np.sin(np.arange(frames)), 0.0)
    width = 50.0 - 2.0 * np.array([any(p.label == "UW" and p.start <= t < p.end for p in sounds) for t in times])
    return MouthCurve(np.maximum(wanted, 0) + offset, width, np.ones(frames, bool), silent, voice_start_s)


def faults(mouth, sounds=None):
    return [item.fault for item in findings(measure(mouth, sounds or phones()))]


def test_a_mouth_that_follows_the_sounds_has_nothing_failing():
    figures = measure(curve(), phones())
    assert findings(figures) == []
    assert figures.closure_share == 1.0
    assert figures.lag_frames == 0
    assert figures.r_expected == pytest.approx(1.0, abs=0.01)


def test_the_tracker_reading_of_closed_lips_is_taken_off():
    assert measure(curve(offset=1.4), phones()).closure_share == 1.0
    assert measure(curve(offset=0.0), phones()).closed_reading_mm == pytest.approx(0.0, abs=0.1)


def test_a_mouth_that_never_closes_fails_on_every_bilabial_and_says_when():
    figures = measure(curve(opening=6.0), phones())
    worst = findings(figures)[0]
    bilabials = [item for item in figures.occurrences if item.kind == SoundClass.BILABIAL]
    assert figures.closure_share == 0.0
    assert worst.fault == Fault.BILABIAL
    assert worst.sentence.startswith(f"closes on 0 of {len(bilabials)} P/B/M (share 0.00)")
    assert worst.times_s == tuple(item.time_s for item in bilabials)


def test_a_late_mouth_is_named_late_in_frames():
    figures = measure(curve(shift=3), phones())
    assert figures.lag_frames == 3
    assert Fault.LAG in faults(curve(shift=3))
    assert measure(curve(shift=-4), phones()).lag_frames == -4


def test_one_frame_late_is_no_fault():
    assert Fault.LAG not in faults(curve(shift=1))


def test_lips_that_move_in_silence_fail_and_resting_lips_do_not():
    assert Fault.SILENCE in faults(curve(idle=3.0))
    assert Fault.SILENCE not in faults(curve(idle=0.2))


def test_lazy_lips_fail_on_amplitude():
    assert Fault.AMPLITUDE in faults(curve(scale=0.2))


def test_the_voice_may_begin_later_in_the_clip():
    figures = measure(curve(voice_start_s=2.0), phones())
    assert figures.lag_frames == 0
    assert figures.closure_share == 1.0


def test_doubtful_sounds_count_only_where_too_few_are_sure():
    mixed = [Phone(p.label, p.start, p.end, sure=p.label != "M") for p in phones()]
    doubtful = findings(measure(curve(opening=6.0), phones(sure=False)))[0]
    certain = findings(measure(curve(opening=6.0), mixed))[0]
    assert "recognised with doubt" in doubtful.sentence
    assert certain.of == sum(p.label in ("P", "B") for p in phones())


def test_frames_near_speech_do_not_count_as_silence():
    silent = np.ones(40, bool)
    silent[15:20] = False
    still = still_frames(silent)
    assert still[:12].all()
    assert not still[12:23].any()
    assert still[23:].all()


def test_lost_frames_are_filled_from_their_neighbours():
    found = np.array([True, False, True])
    assert filled(np.array([1.0, 99.0, 3.0]), found).tolist() == [1.0, 2.0, 3.0]


def test_a_flat_curve_has_no_lag():
    assert best_lag(np.ones(50), np.sin(np.arange(50)), slice(5, 45)) == (None, None)


def test_a_voice_without_sounds_has_no_figures_of_speech():
    figures = measure(curve(), [Phone("SIL", 0.0, 5.0)])
    assert (figures.closure_share, figures.lag_frames, figures.r_expected, figures.amplitude_mm) == (None,) * 4
