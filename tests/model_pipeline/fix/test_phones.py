"""Sounds are recognised with times, and sure only where two decodings agree."""

import itertools
import wave
from pathlib import Path

import numpy as np
import pytest

from model_pipeline.errors import FixError
from model_pipeline.fix.phones import Phone, SoundClass, class_agreement, confirmed, kind_at, sound_class
from model_pipeline.fix.recogniser import phones_of

LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
EXCERPT = LIBRIVOX / "sense_and_sensibility_01_austen_64kb-0890.wav"
WORDS = "unless to be rather cold hearted and rather selfish is to be ill disposed"


def sound(path=EXCERPT):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


def test_every_arpabet_sound_has_a_visible_class():
    assert [sound_class(label) for label in ("P", "V", "AA1", "UW", "T", "SIL")] == [
        SoundClass.BILABIAL,
        SoundClass.LABIODENTAL,
        SoundClass.OPEN,
        SoundClass.ROUNDED,
        SoundClass.OTHER,
        SoundClass.SILENCE,
    ]


def test_a_sound_is_sure_only_where_a_second_list_hears_its_class_nearby():
    heard = [Phone("P", 0.1, 0.2), Phone("M", 0.5, 0.6)]
    witness = [Phone("B", 0.12, 0.2), Phone("N", 0.5, 0.6)]
    assert [phone.sure for phone in confirmed(heard, witness)] == [True, False]


def test_agreement_is_the_share_of_time_with_one_class():
    left = [Phone("P", 0.0, 0.5), Phone("AA", 0.5, 1.0)]
    right = [Phone("B", 0.0, 0.5), Phone("S", 0.5, 1.0)]
    assert class_agreement(left, right) == pytest.approx(0.5, abs=0.02)
    assert kind_at(left, 5.0) == SoundClass.SILENCE


def test_the_words_given_are_aligned_and_all_sounds_are_sure():
    phones = phones_of(sound(), WORDS)
    bilabials = [phone for phone in phones if phone.kind == SoundClass.BILABIAL]
    assert [phone.label for phone in bilabials] == ["B", "B", "P"]
    assert all(phone.sure for phone in phones)
    assert all(left.end <= right.start + 1e-9 for left, right in itertools.pairwise(phones))


def test_without_words_most_sure_bilabials_are_true_ones():
    truth = [phone for phone in phones_of(sound(), WORDS) if phone.kind == SoundClass.BILABIAL]
    sure = [phone for phone in phones_of(sound()) if phone.kind == SoundClass.BILABIAL and phone.sure]
    right = [phone for phone in sure if any(abs(phone.middle - other.middle) < 0.06 for other in truth)]
    assert sure
    assert len(right) / len(sure) >= 0.5


def test_words_outside_the_dictionary_are_refused_with_the_way_out():
    with pytest.raises(FixError, match="leave the transcript out"):
        phones_of(sound(), "blorptangle")
