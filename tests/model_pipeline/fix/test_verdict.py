"""A delta is worth sending when what failed got better and nothing else worse."""

from dataclasses import replace

from model_pipeline.fix.findings import Fault, Limits
from model_pipeline.fix.guard import Scores
from model_pipeline.fix.verdict import Outcome, judge, missed

BEFORE = Scores(
    shares={"bilabial": 0.4, "open": 0.9},
    counts={"bilabial": 40, "open": 40},
    silence_sd_mm=0.2,
    silence_mean_mm=0.3,
    amplitude_mm=8.0,
    r_expected=0.5,
    lag_frames=0.0,
    jitter_mm=1.5,
)
CLOSES = replace(BEFORE, shares={"bilabial": 0.8, "open": 0.9})


def outcome(complaint_after, replay_after, fault=Fault.BILABIAL):
    return judge([fault], (BEFORE, complaint_after), (BEFORE, replay_after))


def test_more_closures_and_nothing_worse_is_an_improvement():
    verdict = outcome(CLOSES, CLOSES)
    assert verdict.outcome == Outcome.IMPROVED
    assert verdict.better == ["bilabial 0.40 -> 0.80"]
    assert verdict.worse == []


def test_a_class_that_the_model_misses_is_a_fault_unless_it_is_one_sound_alone():
    assert missed(BEFORE, Limits()) == [Fault.BILABIAL]
    assert missed(CLOSES, Limits()) == []
    assert missed(replace(BEFORE, counts={"bilabial": 1, "open": 40}), Limits()) == []


def test_nothing_better_is_no_improvement():
    assert outcome(BEFORE, CLOSES).outcome == Outcome.NO_IMPROVEMENT


def test_a_mouth_that_shrinks_is_refused_though_it_closes():
    verdict = outcome(CLOSES, replace(CLOSES, amplitude_mm=6.0))
    assert verdict.outcome == Outcome.NO_IMPROVEMENT
    assert verdict.worse == ["amplitude_mm on replay 8.00 -> 6.00"]


def test_open_vowels_lost_on_the_replay_set_are_refused():
    lost = replace(CLOSES, shares={"bilabial": 0.9, "open": 0.7})
    assert outcome(CLOSES, lost).worse == ["open on replay 0.90 -> 0.70"]


def test_restless_lips_are_refused():
    assert outcome(replace(CLOSES, silence_sd_mm=0.9), CLOSES).outcome == Outcome.NO_IMPROVEMENT


def test_silence_is_better_when_it_is_smaller():
    restless = replace(BEFORE, silence_sd_mm=1.5, silence_mean_mm=2.0)
    verdict = judge([Fault.SILENCE], (restless, BEFORE), (BEFORE, BEFORE))
    assert verdict.outcome == Outcome.IMPROVED


def test_a_loss_that_may_be_chance_is_none_and_the_same_loss_over_many_sounds_is_one():
    few, many = (replace(BEFORE, counts={"bilabial": 40, "open": count}) for count in (20, 400))
    lost = replace(CLOSES, shares={"bilabial": 0.8, "open": 0.8})
    assert judge([Fault.BILABIAL], (few, CLOSES), (few, lost)).worse == []
    assert judge([Fault.BILABIAL], (BEFORE, CLOSES), (many, lost)).worse == ["open on replay 0.90 -> 0.80"]


def test_a_quarter_more_jitter_is_refused():
    assert outcome(replace(CLOSES, jitter_mm=1.85), CLOSES).worse == []
    assert outcome(replace(CLOSES, jitter_mm=2.0), CLOSES).worse == [
        "jitter_mm on the complaint's voice 1.50 -> 2.00"
    ]


def test_a_mouth_that_moves_further_than_people_do_may_come_down_to_them():
    wide = replace(BEFORE, amplitude_mm=16.0)
    for size, worse in ((12.5, []), (11.5, ["amplitude_mm on replay 16.00 -> 11.50"])):
        after = replace(CLOSES, amplitude_mm=size)
        assert judge([Fault.BILABIAL], (BEFORE, CLOSES), (wide, after)).worse == worse
