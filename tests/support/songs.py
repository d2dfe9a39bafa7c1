"""Small song packs."""

from pathlib import Path

from frame_protocol.codec import encode
from frame_protocol.content import ContentPack, Language, Note, Showing, Song, Syllable, Titles

EVERY_EVENING = Showing(song="bells", first_day="12-01", last_day="12-26", start="17:00")


def make_song(name: str = "bells") -> Song:
    """Return a song of two notes."""
    words = [[Syllable(note=0, text="La "), Syllable(note=1, text="la")]]
    return Song(
        song=name,
        titles=Titles(en="Bells", zh_hans="铃"),
        notes=[Note(start_ms=0, length_ms=500, pitch=60), Note(start_ms=500, length_ms=500, pitch=67)],
        lyrics={Language.ENGLISH: words, Language.CHINESE: [[Syllable(note=0, text="啦")]]},
    )


def make_pack(pack: str = "christmas", version: int = 1, *, songs: list | None = None, schedule: list | None = None):
    """Return a pack of one song."""
    chosen = [make_song()] if songs is None else songs
    return ContentPack(
        kind="content",
        pack=pack,
        version=version,
        titles=Titles(en=f"{pack} {version}", zh_hans="圣诞节"),
        songs=chosen,
        schedule=([EVERY_EVENING] if chosen else []) if schedule is None else schedule,
    )


def write_pack(folder: Path, pack: str = "christmas", version: int = 1, **more: object) -> Path:
    """Write a pack as the laboratory does, and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pack}-{version}.lfs"
    path.write_bytes(encode(make_pack(pack, version, **more)))
    return path
