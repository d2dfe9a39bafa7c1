"""espeak-ng's IPA phonemes in the ARPABET names that recognition, viseme table and findings speak. Pure."""

from collections.abc import Iterable

from model_pipeline.data.speech import Phoneme
from model_pipeline.fix.phones import Phone

ARPABET = {
    "tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "ɜː": "ER",
    "p": "P", "b": "B", "m": "M", "f": "F", "v": "V", "w": "W", "ɹ": "R", "r": "R", "j": "Y", "l": "L", "n": "N",
    "ŋ": "NG", "t": "T", "d": "D", "ɾ": "T", "k": "K", "ɡ": "G", "g": "G", "h": "HH", "ð": "DH", "θ": "TH", "s": "S",
    "z": "Z", "ʃ": "SH", "ʒ": "ZH", "ɑ": "AA", "a": "AA", "æ": "AE", "ɐ": "AH", "ʌ": "AH", "ə": "AH", "ɔ": "AO",
    "o": "OW", "ɒ": "AA", "ɛ": "EH", "e": "EY", "ɚ": "ER", "ɜ": "ER", "ɪ": "IH", "ᵻ": "IH", "i": "IY", "ʊ": "UH",
    "u": "UW", "ʔ": "T",
}  # fmt: skip
"""Longest match first; length and syllable marks are ignored."""

PAUSE = "SIL"
UNKNOWN = "T"
"""A phoneme of another language that the table lacks asks nothing special of the lips."""


def label(ipa: str) -> str:
    """Return the ARPABET name of one IPA phoneme."""
    if not ipa:
        return PAUSE
    return ARPABET.get(ipa[:2], ARPABET.get(ipa[:1], UNKNOWN))


def phones(phonemes: Iterable[Phoneme]) -> list[Phone]:
    """Return espeak-ng's phonemes as phones; they are all sure."""
    return [Phone(label(item.ipa), item.start, item.end) for item in phonemes]
