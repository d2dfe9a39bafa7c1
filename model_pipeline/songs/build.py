"""A song pack from its folder: ``pack.toml`` says everything, frame_protocol checks it as a frame will."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from frame_protocol.codec import encode
from frame_protocol.content import ContentPack, Language, Showing, Song, Titles, decode_pack
from frame_protocol.errors import ProtocolError
from model_pipeline.errors import DataMissing
from model_pipeline.songs import notation

SOURCE = "pack.toml"
SHIPPED = Path(__file__).parent / "packs"
"""Folders of the packs that this repository brings."""


class WrittenSong(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A song as it is written in the folder; notation.py says how."""

    song: str
    beats_per_minute: int
    titles: Titles
    melody: str
    lyrics: dict[Language, str]


class WrittenPack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of ``pack.toml``; a word that is not known is a mistake, not a field of tomorrow."""

    pack: str
    version: int
    titles: Titles
    songs: list[WrittenSong] = msgspec.field(default_factory=list)
    schedule: list[Showing] = msgspec.field(default_factory=list)


def build(folder: Path) -> tuple[ContentPack, bytes]:
    """Return the pack of a folder and its bytes, the same for the same folder; DataMissing says what is wrong."""
    written = _read(folder / SOURCE)
    try:
        pack = ContentPack(
            kind="content",
            pack=written.pack,
            version=written.version,
            titles=written.titles,
            songs=[_song(song) for song in written.songs],
            schedule=written.schedule,
        )
        data = encode(pack)
        return decode_pack(data), data
    except ProtocolError as error:
        raise DataMissing(f"{folder / SOURCE}: frames would refuse this pack: {error}") from error


def _song(written: WrittenSong) -> Song:
    if written.beats_per_minute < 1:
        raise DataMissing(f"{written.song}: {written.beats_per_minute} beats per minute; expected 1 or more")
    return Song(
        song=written.song,
        titles=written.titles,
        notes=notation.melody(written.melody, written.beats_per_minute),
        lyrics={language: notation.lyrics(text, language) for language, text in written.lyrics.items()},
    )


def _read(path: Path) -> WrittenPack:
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(content, WrittenPack)
    except FileNotFoundError as error:
        raise DataMissing(f"{path} is missing; a song pack is a folder with a {SOURCE}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise DataMissing(f"{path}: {error}; docs/releasing.md shows what it holds") from error
