"""What ``device-agent content`` says: every song with the next time it plays."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from device_agent.content.library import Library
from device_agent.content.schedule import next_play
from frame_protocol.content import ContentPack, Language, Song, Titles, length_ms

MS = 1000.0
CLOCK_NOT_SET = "the clock is not set: nothing is scheduled until the frame knows the time"


class SongLine(msgspec.Struct, frozen=True, kw_only=True):
    """One song of the list."""

    song: str
    titles: Titles
    seconds: float
    lyrics: list[Language]
    next_play: datetime | None
    """In the frame's own time zone; None: never again, or the clock is not set."""


class PackLine(msgspec.Struct, frozen=True, kw_only=True):
    """One pack of the list."""

    pack: str
    version: int
    titles: Titles
    songs: list[SongLine]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is installed, at one moment."""

    v: int = 1
    timezone: str
    clock_is_set: bool
    packs: list[PackLine]
    problems: list[str]


def make(library: Library, now: float | None, zone: ZoneInfo, problems: list[str]) -> Listing:
    """Return the list; ``now`` is None while the clock is not set."""
    moment = None if now is None else datetime.fromtimestamp(now, UTC)
    packs = [
        PackLine(
            pack=pack.pack,
            version=pack.version,
            titles=pack.titles,
            songs=[_line(pack, song, moment, zone) for song in pack.songs],
        )
        for pack in library.packs
    ]
    return Listing(
        timezone=zone.key,
        clock_is_set=now is not None,
        packs=packs,
        problems=[*problems, *library.problems],
    )


def sentences(listing: Listing) -> list[str]:
    """Return the list for a person."""
    lines = [] if listing.packs else ["no song packs are installed"]
    for pack in listing.packs:
        lines.append(f"{pack.pack} {pack.version}: {both(pack.titles)}")
        lines += [f"  {song.song}: {both(song.titles)}, {song.seconds:.0f} s, {_when(song)}" for song in pack.songs]
    if listing.packs and not listing.clock_is_set:
        lines.append(CLOCK_NOT_SET)
    return [*lines, *(f"problem: {problem}" for problem in listing.problems)]


def both(titles: Titles) -> str:
    """Return a title in both languages."""
    return f"{titles.en} / {titles.zh_hans}"


def _line(pack: ContentPack, song: Song, now: datetime | None, zone: ZoneInfo) -> SongLine:
    showings = [showing for showing in pack.schedule if showing.song == song.song]
    return SongLine(
        song=song.song,
        titles=song.titles,
        seconds=length_ms(song) / MS,
        lyrics=list(song.lyrics),
        next_play=None if now is None else next_play(showings, now, zone),
    )


def _when(song: SongLine) -> str:
    return f"plays next {song.next_play:%Y-%m-%d %H:%M %Z}" if song.next_play else "not scheduled"
