"""Choice of settings, flow, the codebook's figures and the judge, on answers that are known."""

import numpy as np
import pytest

from model_pipeline.data import folds
from model_pipeline.data.tracks import load_tracks, trusted_lags
from model_pipeline.evaluate import judge
from model_pipeline.evaluate.choose import Trial, chosen
from model_pipeline.evaluate.fluency import codebook_use, similarity
from model_pipeline.score import truth


def trials(*values: float, amplitude: float = 1.0) -> list[Trial]:
    return [Trial(value, amplitude) for value in values]


def test_a_fold_has_no_say_in_its_own_setting():
    found = {
        0: {"a": trials(0.9), "b": trials(0.1)},
        1: {"a": trials(0.2), "b": trials(0.3)},
        2: {"a": trials(0.2, 0.3), "b": trials(0.4, 0.4)},
    }
    assert chosen(found, 0) == "b"
    assert chosen(found, 1) == "a"


def test_lips_that_hardly_move_are_chosen_only_where_all_are_such():
    quiet = {fold: {"a": trials(0.5, amplitude=0.6), "b": trials(0.4)} for fold in (0, 1)}
    assert chosen(quiet, 0) == "b"
    silent = {fold: {"a": trials(0.5, amplitude=0.6), "b": trials(0.4, amplitude=0.1)} for fold in (0, 1)}
    assert chosen(silent, 0) == "a"


def test_one_fold_alone_takes_the_first_setting():
    assert chosen({3: {"a": trials(0.1), "b": trials(0.9)}}, 3) == "a"


def test_what_all_frames_share_makes_uncentred_similarity_high_and_leaves_the_centred_one():
    moving = np.random.default_rng(0).normal(size=(500, 4, 16))
    assert abs(similarity(moving, centred=True)) < 0.05
    assert similarity(moving + 10.0, centred=False) > 0.98
    assert similarity(moving + 10.0, centred=True) == pytest.approx(similarity(moving, centred=True))


def test_codes_used_evenly_have_a_perplexity_of_their_number():
    assert codebook_use(np.arange(256).repeat(3), 512) == pytest.approx((0.5, 256.0))


@pytest.mark.shared_data
def test_doubtful_lags_are_not_trusted(shared_data):
    tracks = load_tracks(shared_data)
    assert {t.id for t in tracks} - trusted_lags(shared_data) == {"vox_00010", "vox_620900105", "vox_796100172"}


@pytest.mark.shared_data
def test_the_judge_knows_a_stranger_from_another_voice_and_how_late_the_lips_are(shared_data):
    train, held_out = folds.split(load_tracks(shared_data), 2)
    one = judge.learn(train, seed=0)
    clip = next(t for t in held_out if t.id == "latentsync_demo3")
    own = one.sync(clip.audio, truth(clip))
    other = one.sync(np.roll(clip.audio, clip.audio.size // 2), truth(clip))
    late = one.sync(clip.audio, np.roll(truth(clip), 3, axis=0))
    assert own.r > other.r + 0.1
    assert own.confidence > other.confidence
    assert late.shift == own.shift + 3
    assert one.sync(clip.audio, np.repeat(truth(clip)[:1], 100, axis=0)).r == 0.0
