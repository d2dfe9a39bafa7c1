"""Song packs (docs/protocol.md, "Song pack"): melody, lyrics in two languages, and when a frame plays them.

What msgspec cannot say about a pack is said by ``decode_pack``, on the laboratory's side as on the frame's.
"""

import itertools
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from frame_protocol.codec import Versioned, decode
from frame_protocol.errors import MalformedPayload

MAX_PACK_BYTES = 1024 * 1024
"""A song of ten minutes is about 100 kB; a pack is read into memory whole."""
MAX_SONG_MS = 10 * 60 * 1000
MAX_SEASON_DAYS = 366
"""Longest season that is named by a year; one that comes back every year has no year."""

PackName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\Z")]
"""``christmas``: every version of a pack has its name, and the newest takes the place of the others."""
Printable = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+\Z")
]
"""A text for people's eyes: no control characters, which could move a terminal's cursor or turn a line around."""
Clock = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
"""``HH:MM`` on the wall of the room where the frame hangs."""
Day = Annotated[str, Meta(pattern=r"^(20[0-9]{2}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")]
"""``MM-DD``, every year, or ``YYYY-MM-DD``, once."""


class Language(StrEnum):
    """Languages of lyrics (BCP 47)."""

    ENGLISH = "en"
    CHINESE = "zh-Hans"


class Titles(msgspec.Struct, frozen=True, kw_only=True, rename={"zh_hans": "zh-Hans"}):
    """What people call it, in every language."""

    en: Printable
    zh_hans: Printable


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One note of a melody; a melody has one voice."""

    start_ms: Annotated[int, Meta(ge=0, le=MAX_SONG_MS)]
    length_ms: Annotated[int, Meta(ge=1, le=MAX_SONG_MS)]
    pitch: Annotated[int, Meta(ge=0, le=127)]
    """Number of the key in MIDI: 60 is C4, 69 is A4 at 440 Hz."""


class Syllable(msgspec.Struct, frozen=True, kw_only=True):
    """What is sung from the note with this index on, up to the note of the next syllable or a rest."""

    note: Annotated[int, Meta(ge=0)]
    text: Printable


class Song(msgspec.Struct, frozen=True, kw_only=True):
    """One song."""

    song: PackName
    titles: Titles
    notes: Annotated[list[Note], Meta(min_length=1, max_length=2000)]
    lyrics: Annotated[dict[Language, Annotated[list[list[Syllable]], Meta(max_length=200)]], Meta(min_length=1)]
    """By language the lines, each of syllables whose texts, put together, are the line as it is shown."""


class Showing(msgspec.Struct, frozen=True, kw_only=True):
    """When a song is played, by the wall clock of the frame's own time zone."""

    song: PackName
    first_day: Day
    last_day: Day
    """Included; with ``MM-DD`` it may lie in the next year (``12-20`` to ``01-06``)."""
    start: Clock
    end: Clock | None = None
    """Not included; earlier than ``start`` it is on the next day. Without one the song plays once, at ``start``."""
    every_minutes: Annotated[int, Meta(ge=5, le=1440)] = 60


class ContentPack(Versioned, kw_only=True, frozen=True):
    """A song pack. One without songs takes the earlier versions of its name away."""

    kind: Literal["content"]
    pack: PackName
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    """Grows with every change; a frame never goes from one to a lower one."""
    titles: Titles
    songs: Annotated[list[Song], Meta(max_length=64)]
    schedule: Annotated[list[Showing], Meta(max_length=256)] = msgspec.field(default_factory=list)


def decode_pack(data: bytes) -> ContentPack:
    """Read and check a pack; raises MalformedPayload or UnsupportedVersion."""
    pack = decode(data, ContentPack, limit=MAX_PACK_BYTES)
    names = [song.song for song in pack.songs]
    if len(set(names)) != len(names):
        raise MalformedPayload(f"{pack.pack}: two songs have one name")
    for song in pack.songs:
        _check_melody(song)
        for language, lines in song.lyrics.items():
            _check_lyrics(song, language, lines)
    for showing in pack.schedule:
        if showing.song not in names:
            raise MalformedPayload(f"{pack.pack}: the schedule plays {showing.song}, which is not in the pack")
        _check_showing(showing)
    return pack


def pack_file(pack: str) -> str:
    """Name of the file under which a frame keeps a pack."""
    return f"{pack}.json"


def length_ms(song: Song) -> int:
    """When the last note of a song ends."""
    return song.notes[-1].start_ms + song.notes[-1].length_ms


def _check_melody(song: Song) -> None:
    for before, after in itertools.pairwise(song.notes):
        if after.start_ms < before.start_ms + before.length_ms:
            raise MalformedPayload(f"{song.song}: a note at {after.start_ms} ms begins before the one before it ends")
    if length_ms(song) > MAX_SONG_MS:
        raise MalformedPayload(f"{song.song}: it is {length_ms(song)} ms long, at most {MAX_SONG_MS} are accepted")


def _check_lyrics(song: Song, language: Language, lines: list[list[Syllable]]) -> None:
    sung = [syllable.note for line in lines for syllable in line]
    if not sung or not all(lines):
        raise MalformedPayload(f"{song.song}: the lyrics in {language} are empty or have an empty line")
    if any(after <= before for before, after in itertools.pairwise(sung)) or sung[-1] >= len(song.notes):
        raise MalformedPayload(
            f"{song.song}: the syllables in {language} must go from note to note of {len(song.notes)}, none twice"
        )


def _check_showing(showing: Showing) -> None:
    first, last = _date(showing.first_day), _date(showing.last_day)
    if (len(showing.first_day) == len("MM-DD")) != (len(showing.last_day) == len("MM-DD")):
        raise MalformedPayload(f"{showing.song}: both days of a season have a year, or neither has")
    if len(showing.first_day) != len("MM-DD") and not 0 <= (last - first).days < MAX_SEASON_DAYS:
        raise MalformedPayload(
            f"{showing.song}: the season {showing.first_day} to {showing.last_day} ends before it begins, "
            f"or lasts more than {MAX_SEASON_DAYS} days"
        )
    if showing.start == showing.end:
        raise MalformedPayload(f"{showing.song}: it ends at {showing.end}, when it starts; leave the end out")


def _date(day: Day) -> date:
    """The date; a day without a year is looked up in a leap year."""
    full = day if len(day) != len("MM-DD") else f"2000-{day}"
    try:
        return date.fromisoformat(full)
    except ValueError as error:
        raise MalformedPayload(f"{day} is no day of the calendar") from error
