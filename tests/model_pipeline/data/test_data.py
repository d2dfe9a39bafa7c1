"""Folds, features, tracks, visemes."""

import random

import numpy as np
import pytest

from device_agent.engine import canonical, features
from model_pipeline.data import espeak, flite, folds, speakers, texts, visemes
from model_pipeline.data.tracks import load_tracks
from model_pipeline.errors import DataMissing, ToolFailed


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


@pytest.mark.parametrize("voice", flite.VOICES)
@pytest.mark.parametrize("tract", [0.86, 1.0, 1.14])
def test_the_times_of_flite_are_those_of_its_sound_whatever_the_throat(voice, tract):
    spoken = flite.say("My mother bought a blue map.", voice, stretch=1.2, tract=tract)
    seconds = spoken.audio.size / features.SAMPLE_RATE
    assert spoken.phonemes[-1].end == pytest.approx(seconds, abs=0.03)
    vowel = next(p for p in spoken.phonemes if p.ipa == "u")
    stop = next(p for p in spoken.phonemes if p.ipa == "p")
    assert loudness(spoken, vowel) > 3 * loudness(spoken, stop)


def loudness(spoken, phoneme):
    inside = slice(*(int(second * features.SAMPLE_RATE) for second in (phoneme.start, phoneme.end)))
    return float(np.sqrt(np.mean(np.square(spoken.audio[inside]))))


def test_flite_knows_every_word_of_the_english_lists():
    assert len(flite.say(" ".join(texts.ENGLISH_WORDS), "slt").phonemes) > 2 * len(texts.ENGLISH_WORDS)


def test_a_missing_synthesiser_is_named(monkeypatch):
    monkeypatch.setattr(flite, "PROGRAM", "no-such-program")
    with pytest.raises(ToolFailed, match="apt install flite"):
        flite.say("hello")


def test_english_is_spoken_by_both_synthesisers_and_other_languages_by_one(monkeypatch):
    heard = []
    monkeypatch.setattr(flite, "say", lambda *_, **__: heard.append("flite"))
    monkeypatch.setattr(espeak, "say", lambda *_, **__: heard.append("espeak"))
    for seed in range(40):
        speakers.drawn("hello", "en-us", random.Random(seed))
    assert {"flite", "espeak"} == set(heard)
    heard.clear()
    for seed in range(40):
        speakers.drawn("guten Tag", "de", random.Random(seed))
    assert set(heard) == {"espeak"}


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("flite/slt", "Papa may come home by the blue map."),
        ("en-us", "Papa may come home by the blue map."),
        ("cmn-latn-pinyin", "ma1 ma5 ba4 ba5"),
    ],
)
def test_rule_lips_meet_on_bilabials_and_part_on_open_vowels(voice, text):
    spoken = speakers.say(text, voice)
    items = visemes.pulls(spoken.phonemes)
    frames = features.frame_count(spoken.audio.size)
    opening = visemes.lips(items, frames)[:, 0]
    assert opening[visemes.closures(items, frames)].max() < 1.5
    assert opening.max() > 6.0
