"""Folds, features, tracks, visemes."""

import numpy as np
import pytest

from device_agent.engine import canonical, features
from model_pipeline.data import espeak, folds, visemes
from model_pipeline.data.tracks import load_tracks
from model_pipeline.errors import DataMissing


def test_features_cut_in_windows_equal_the_whole():
    sound = np.random.default_rng(1).normal(size=40_000).astype(np.float32) * 0.05
    whole = features.log_mel(sound)
    pieces = [w[0, :, 0, 5 * 4 : (5 + n) * 4] for _, n, w in features.windows(sound, left=5, chunk=7, right=2)]
    assert np.allclose(np.concatenate(pieces, axis=1), whole, atol=1e-5)
    assert whole.shape == (features.MELS, features.frame_count(sound.size) * features.MEL_PER_FRAME)


def test_features_do_not_depend_on_the_level():
    sound = np.random.default_rng(1).normal(size=32_000).astype(np.float32) * 0.02
    assert np.allclose(features.log_mel(sound), features.log_mel(sound * 10), atol=1e-3)


def test_alignment_recovers_a_similarity():
    dice = np.random.default_rng(2)
    points = dice.normal(size=(478, 3)) * 40
    turn, _ = np.linalg.qr(dice.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    moved = 2.5 * points @ turn.T + np.array([10.0, -4.0, 3.0])
    found = canonical.align(moved, points)
    assert np.allclose(found.apply(moved), points, atol=1e-6)
    assert np.allclose(found.inverse().apply(points), moved, atol=1e-6)


@pytest.mark.shared_data
def test_no_speaker_is_in_two_folds_and_every_clip_is_held_out_once(shared_data):
    tracks = load_tracks(shared_data)
    held_out = []
    for fold in range(folds.FOLDS):
        train, test = folds.split(tracks, fold)
        assert not {t.speaker for t in train} & {t.speaker for t in test}
        held_out += [t.id for t in test]
    assert sorted(held_out) == sorted(t.id for t in tracks)
    speaker = {t.id: t.speaker for t in tracks}
    assert speaker["grid_pwij3p"] == speaker["grid_swwp2s"]


@pytest.mark.shared_data
def test_tracks_are_at_25_fps_in_millimetres_and_as_long_as_their_sound(shared_data):
    for track in load_tracks(shared_data):
        assert len(track.points) == features.frame_count(track.audio.size)
        eyes = track.points[0, canonical.LEFT_IRIS] - track.points[0, canonical.RIGHT_IRIS]
        assert np.linalg.norm(eyes) == pytest.approx(canonical.INTEROCULAR_MM, abs=1e-3)
    lengths = {track.id: len(track.points) for track in load_tracks(shared_data)}
    assert lengths["latentsync_demo3"] == pytest.approx(500, abs=1)


def test_missing_data_is_named(tmp_path):
    with pytest.raises(DataMissing, match="--data DIR"):
        load_tracks(tmp_path)


def test_phonemes_come_with_times_that_cover_the_speech():
    spoken = espeak.say("My mother bought a blue map.", "en-us")
    assert spoken.phonemes[-1].end == pytest.approx(spoken.audio.size / features.SAMPLE_RATE, abs=0.01)
    assert {"m", "b", "p"} <= {p.ipa for p in spoken.phonemes}


@pytest.mark.parametrize(
    ("voice", "text"), [("en-us", "Papa may come home by the blue map."), ("cmn-latn-pinyin", "ma1 ma5 ba4 ba5")]
)
def test_rule_lips_meet_on_bilabials_and_part_on_open_vowels(voice, text):
    spoken = espeak.say(text, voice)
    items = visemes.pulls(spoken.phonemes)
    frames = features.frame_count(spoken.audio.size)
    opening = visemes.lips(items, frames)[:, 0]
    assert opening[visemes.closures(items, frames)].max() < 1.5
    assert opening.max() > 6.0
