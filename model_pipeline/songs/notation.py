"""A melody and its words as a person writes them. Pure: text in, notes and syllables out.

A melody is notes with spaces between: ``C4``, ``F#4``, ``Bb3``, ``R`` for a rest; ``:1.5`` after it is its length in
beats (1 without); ``|`` means nothing. Words are sung syllable by syllable, each on the next note: in English ``-``
parts syllables, in Chinese every character is one; a ``_`` that stands alone stays on the syllable for another note.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from frame_protocol.content import Language, Note, Syllable
from model_pipeline.errors import DataMissing

MS_PER_MINUTE = 60_000
KEYS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SHIFTS = {"#": 1, "b": -1, "": 0}
OCTAVE = 12
HOLD = "_"

_NOTE = re.compile(r"^(?:(?P<key>[A-G])(?P<shift>[#b]?)(?P<octave>[0-9])|R)(?::(?P<beats>[0-9]+(?:\.[0-9]+)?))?$")
_HAN = re.compile(r"[\u3400-\u9fff]")


def melody(text: str, beats_per_minute: int) -> list[Note]:
    """Return the notes of a melody; a note lasts until the moment at which the next note or rest begins."""
    notes, beat = [], Fraction(0)
    for word in text.replace("|", " ").split():
        found = _NOTE.match(word)
        if found is None:
            raise DataMissing(f"{word!r} is no note: expected such as C4, F#4:0.5 or R:2")
        end = beat + Fraction(found["beats"] or 1)
        start_ms, end_ms = (round(moment * MS_PER_MINUTE / beats_per_minute) for moment in (beat, end))
        if found["key"]:
            notes.append(Note(start_ms=start_ms, length_ms=end_ms - start_ms, pitch=_pitch(found)))
        beat = end
    return notes


def lyrics(text: str, language: Language) -> list[list[Syllable]]:
    """Return the lines of a text, every syllable on a note of its own."""
    lines, note = [], 0
    for written in filter(None, map(str.strip, text.splitlines())):
        line: list[Syllable] = []
        for part in _syllables(written, language):
            if part.strip() != HOLD:
                line.append(Syllable(note=note, text=part))
            note += 1
        lines.append(line)
    return lines


def _pitch(found: re.Match[str]) -> int:
    return OCTAVE * (int(found["octave"]) + 1) + KEYS[found["key"]] + SHIFTS[found["shift"]]


def _syllables(line: str, language: Language) -> Iterator[str]:
    """Yield the syllables of a line, which give the line as it is shown when they are put together."""
    if language is Language.CHINESE:
        yield from re.findall(rf"{HOLD}|{_HAN.pattern}[^{HOLD}\u3400-\u9fff]*", line)
        return
    words = line.split()
    for number, word in enumerate(words):
        parts = word.split("-")
        space = "" if number == len(words) - 1 else " "
        yield from (part + (space if last else "") for part, last in zip(parts, _last(parts), strict=True))


def _last(parts: list[str]) -> list[bool]:
    return [False] * (len(parts) - 1) + [True]
