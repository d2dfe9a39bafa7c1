"""Who speaks the synthetic sentences: espeak-ng in many languages, flite with sounds taken from people in English."""

import random

from model_pipeline.data import espeak, flite
from model_pipeline.data.speech import Utterance

FLITE = "flite/"
"""Voices of flite are named so: ``flite/slt``; all other names are espeak-ng's."""
FLITE_SHARE = 0.7
"""Of the English sentences."""
ENGLISH = "en"
VARIANTS = ("", "", "+f1", "+f2", "+f3", "+f4", "+f5", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+klatt")
RATES_WPM, PITCHES, RANGES = (110, 230), (20, 85), (20, 80)
STRETCHES, MELODIES, TRACTS = (0.75, 1.35), (0.8, 1.3), (0.86, 1.14)
"""Factors on flite's own rate and pitch, and on the length of the throat."""


def say(text: str, voice: str) -> Utterance:
    """Speak ``text`` as the voice usually does."""
    if voice.startswith(FLITE):
        name = voice.removeprefix(FLITE)
        return flite.say(text, name, pitch_hz=flite.VOICES[name])
    return espeak.say(text, voice)


def drawn(text: str, language: str, dice: random.Random) -> Utterance:
    """Speak ``text`` in a voice of ``language`` (espeak-ng's name), rate and pitch drawn by ``dice``."""
    if language.startswith(ENGLISH) and dice.random() < FLITE_SHARE:
        name = dice.choice(list(flite.VOICES))
        pitch = flite.VOICES[name] * dice.uniform(*MELODIES)
        return flite.say(text, name, stretch=dice.uniform(*STRETCHES), pitch_hz=pitch, tract=dice.uniform(*TRACTS))
    return espeak.say(
        text, language + dice.choice(VARIANTS),
        rate=dice.randint(*RATES_WPM), pitch=dice.randint(*PITCHES), pitch_range=dice.randint(*RANGES),
    )  # fmt: skip
