"""Which voices the gallery hears: a reader of LibriVox, and synthetic speech in five languages."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device_agent.engine.features import SAMPLE_RATE
from model_pipeline.data import speakers
from model_pipeline.errors import DataMissing

LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
"""Debian's pocketsphinx-testdata: readings in the public domain, 16 kHz."""
READING = "sense_and_sensibility_01_austen_64kb-{}.wav"
FULL_SCALE = 32767


@dataclass(frozen=True)
class Language:
    """A language's code for pages, and its name in the page's two languages."""

    code: str
    english: str
    chinese: str


ENGLISH = Language("en", "English", "英语")
MANDARIN = Language("zh-CN", "Mandarin", "普通话")
GERMAN = Language("de", "German", "德语")
FRENCH = Language("fr", "French", "法语")
SPANISH = Language("es", "Spanish", "西班牙语")


@dataclass(frozen=True)
class Voice:
    """Somebody saying one sentence."""

    name: str
    language: Language
    text: str
    speaker: str
    """As ``data/speakers.py`` names it; empty for a reading, which ``name`` ends with the number of."""
    spelling: str = ""
    """What the speaker is given where it cannot read ``text``."""


_SENTENCE = "My people may bring a big blue boat, and both of them love to move."
VOICES = (
    Voice(
        "librivox-0890", ENGLISH, "Unless to be rather cold hearted and rather selfish is to be ill disposed.", ""
    ),
    Voice("librivox-0870", ENGLISH, "And Mister John Dashwood had then leisure to consider how much there might be "
          "prudently in his power to do for them.", ""),
    Voice("librivox-0880", ENGLISH, "He was not an ill disposed young man.", ""),
    Voice("librivox-0920", ENGLISH, "Had he married a more amiable woman he might have been made still more "
          "respectable than he was.", ""),
    Voice("librivox-0930", ENGLISH, "He might even have been made amiable himself.", ""),
    Voice("flite-slt", ENGLISH, _SENTENCE, "flite/slt"),
    Voice("espeak-en-us", ENGLISH, _SENTENCE, "en-us"),
    Voice("espeak-mandarin", MANDARIN, "你好，妈妈和爸爸明天买面包，我们一起跑步。", "cmn-latn-pinyin",
          "ni3 hao3, ma1 ma5 he2 ba4 ba5 ming2 tian1 mai3 mian4 bao1, wo3 men5 yi4 qi3 pao3 bu4."),
    Voice("espeak-german", GERMAN, "Meine Mutter backt morgen früh Brot, und wir bleiben bis zum Abend bei ihr.",
          "de"),
    Voice("espeak-french", FRENCH, "Ma mère prépare un bon repas, et papa apporte des pommes pour tout le monde.",
          "fr"),
    Voice("espeak-spanish", SPANISH, "Mi mamá compra pan por la mañana, y mi papá prepara un buen plato de "
          "pimientos.", "es"),
)  # fmt: skip
"""The first speaks for every photo; all speak for the first photo."""


def sound_of(voice: Voice, folder: Path) -> Path:
    """Return the voice as a sound file, spoken into ``folder`` where it is no reading; raises DataMissing."""
    if voice.speaker:
        return _spoken(voice, folder / f"{voice.name}.wav")
    path = LIBRIVOX / READING.format(voice.name.rpartition("-")[2])
    if not path.is_file():
        raise DataMissing(f"{path} is missing; install it: apt install pocketsphinx-testdata")
    return path


def _spoken(voice: Voice, path: Path) -> Path:
    if not path.exists():
        audio = speakers.say(voice.spelling or voice.text, voice.speaker).audio
        samples = (np.clip(audio, -1.0, 1.0) * FULL_SCALE).astype("<i2")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(samples.itemsize)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(samples.tobytes())
    return path
