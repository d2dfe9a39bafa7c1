"""What is a song pack and what is none; frames and laboratory ask the same function."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from frame_protocol.codec import encode
from frame_protocol.content import MAX_PACK_BYTES, MAX_SONG_MS, Language, Note, Syllable, decode_pack, length_ms
from frame_protocol.errors import MalformedPayload, ProtocolError, UnsupportedVersion
from tests.support.songs import EVERY_EVENING, make_pack, make_song

SONG = make_song()
NOTES = SONG.notes


def with_song(**changes):
    return make_pack(songs=[replace(SONG, **changes)])


def with_showing(**changes):
    return make_pack(schedule=[replace(EVERY_EVENING, **changes)])


def words(*notes):
    return {Language.ENGLISH: [[Syllable(note=note, text="la") for note in notes]]}


def test_a_pack_is_what_it_was_after_its_way():
    pack = make_pack()
    assert decode_pack(encode(pack)) == pack
    assert length_ms(pack.songs[0]) == 1000


def test_a_pack_without_songs_is_one_too():
    assert decode_pack(encode(make_pack(songs=[]))).songs == []


def test_fields_of_tomorrow_are_ignored_and_versions_of_tomorrow_are_not():
    fields = msgspec.json.decode(encode(make_pack()))
    assert decode_pack(msgspec.json.encode({**fields, "instrument": "celesta"})) == make_pack()
    with pytest.raises(UnsupportedVersion):
        decode_pack(msgspec.json.encode({**fields, "v": 2}))


@pytest.mark.parametrize(
    ("pack", "why"),
    [
        (make_pack(songs=[SONG, SONG]), "one name"),
        (make_pack(schedule=[replace(EVERY_EVENING, song="drums")]), "not in the pack"),
        (make_pack(songs=[], schedule=[EVERY_EVENING]), "not in the pack"),
        (with_song(notes=list(reversed(NOTES))), "before the one before it ends"),
        (with_song(notes=[NOTES[0], replace(NOTES[1], start_ms=499)]), "before the one before it ends"),
        (with_song(notes=[Note(start_ms=MAX_SONG_MS, length_ms=1, pitch=0)], lyrics=words(0)), "long"),
        (with_song(notes=[]), "length >= 1"),
        (with_song(notes=[replace(NOTES[0], pitch=128)]), "127"),
        (with_song(lyrics={}), "length >= 1"),
        (with_song(lyrics={Language.ENGLISH: []}), "empty"),
        (with_song(lyrics={Language.ENGLISH: [[]]}), "empty"),
        (with_song(lyrics=words(0, 0)), "none twice"),
        (with_song(lyrics=words(1, 0)), "none twice"),
        (with_song(lyrics=words(0, 2)), "of 2"),
        (with_song(titles=replace(SONG.titles, en="")), "length"),
        (with_song(titles=replace(SONG.titles, zh_hans="\x1b[2J")), "matching"),
        (with_song(titles=replace(SONG.titles, en="a\u202eb")), "matching"),
        (with_song(titles=replace(SONG.titles, en="bells\n")), "matching"),
        (with_song(song="../bells"), "matching"),
        (make_pack(pack="christmas\n"), "matching"),
        (make_pack(version=0), "1"),
        (with_showing(first_day="02-30"), "calendar"),
        (with_showing(first_day="2026-02-29", last_day="2026-03-01"), "calendar"),
        (with_showing(first_day="2026-12-01"), "have a year"),
        (with_showing(first_day="2026-12-02", last_day="2026-12-01"), "before it begins"),
        (with_showing(first_day="2026-01-01", last_day="2027-12-01"), "366"),
        (with_showing(start="24:00"), "matching"),
        (with_showing(end="17:00"), "leave the end out"),
        (with_showing(every_minutes=1), ">= 5"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_says_which(pack, why):
    with pytest.raises(MalformedPayload, match=why):
        decode_pack(encode(pack))


@pytest.mark.parametrize(
    "changes",
    [
        {"first_day": "02-29", "last_day": "02-29"},
        {"first_day": "12-20", "last_day": "01-06"},
        {"first_day": "2026-12-31", "last_day": "2027-01-01", "start": "23:30", "end": "00:30"},
    ],
)
def test_seasons_of_every_form_are_taken(changes):
    assert decode_pack(encode(with_showing(**changes))).schedule


def test_a_pack_that_is_too_long_is_not_read():
    with pytest.raises(MalformedPayload, match="at most"):
        decode_pack(b" " * (MAX_PACK_BYTES + 1))


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_in_our_own_words(data):
    with pytest.raises(ProtocolError):
        decode_pack(data)
