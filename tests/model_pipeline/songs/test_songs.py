"""From what a musician writes to the file that frames install."""

import itertools
import json
import shutil
from pathlib import Path

import pytest

from frame_protocol.content import Language, decode_pack
from model_pipeline.cli import main
from model_pipeline.errors import DataMissing
from model_pipeline.songs.build import SHIPPED, SOURCE, build
from model_pipeline.songs.notation import lyrics, melody


def test_notes_have_their_key_and_follow_each_other_without_gaps():
    notes = melody("C4 | F#4:0.5 Bb3:1.5 R A4:2", 120)
    assert [note.pitch for note in notes] == [60, 66, 58, 69]
    assert [(note.start_ms, note.length_ms) for note in notes] == [(0, 500), (500, 250), (750, 750), (2000, 1000)]


def test_rounding_never_lets_notes_overlap():
    notes = melody("C4:0.333 " * 200, 97)
    assert all(a.start_ms + a.length_ms == b.start_ms for a, b in itertools.pairwise(notes))


@pytest.mark.parametrize("word", ["H4", "C", "C4:", "c4", "C4:x", "C44"])
def test_what_is_no_note_is_named(word):
    with pytest.raises(DataMissing, match=word):
        melody(f"C4 {word}", 120)


def test_english_is_parted_by_dashes_and_held_by_underscores():
    (line,) = lyrics("Glo-ri-a _ _ in", Language.ENGLISH)
    assert [(syllable.note, syllable.text) for syllable in line] == [(0, "Glo"), (1, "ri"), (2, "a "), (5, "in")]


def test_chinese_is_sung_character_by_character():
    first, second = lyrics("铃儿_摇，\n\n摇！", Language.CHINESE)
    assert [(syllable.note, syllable.text) for syllable in first] == [(0, "铃"), (1, "儿"), (3, "摇，")]
    assert [(syllable.note, syllable.text) for syllable in second] == [(4, "摇！")]


@pytest.mark.parametrize("folder", sorted(SHIPPED.iterdir()), ids=lambda folder: folder.name)
def test_the_packs_that_ship_sing_every_note_in_both_languages(folder):
    pack, data = build(folder)
    assert decode_pack(data) == pack
    assert build(folder)[1] == data
    assert pack.schedule
    for song in pack.songs:
        for language in Language:
            sung = [syllable.note for line in song.lyrics[language] for syllable in line]
            assert sung == list(range(len(song.notes)))


def test_the_command_writes_the_pack_and_its_figures(tmp_path, capsys):
    arguments = ["--from", str(SHIPPED / "christmas"), "--out", str(tmp_path / "christmas.lfs")]
    assert main(["song-pack", *arguments, "--json", str(tmp_path / "figures.json")]) == 0
    pack = decode_pack((tmp_path / "christmas.lfs").read_bytes())
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["pack"], figures["version"]) == (pack.pack, pack.version)
    assert "铃儿摇摇" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("version = 1", "version = 0"), "version"),
        (lambda text: text.replace("version", "vresion"), "vresion"),
        (lambda text: text.replace("17:00", "25:00"), "start"),
        (lambda text: text.replace("E4:4 |\nF4", "E4:4\nX4"), "X4"),
        (lambda text: text.replace("12-26", "12-32"), "last_day"),
        (lambda text: text.replace("新年快来到", "新年很快就来到"), "none twice|notes"),
        (lambda text: text + "[[", "TOML|Invalid|Expected"),
    ],
)
def test_what_frames_would_refuse_is_refused_when_it_is_built(tmp_path, capsys, change, why):
    folder = Path(shutil.copytree(SHIPPED / "christmas", tmp_path / "christmas"))
    written = (folder / SOURCE).read_text(encoding="utf-8")
    (folder / SOURCE).write_text(change(written), encoding="utf-8")
    with pytest.raises(DataMissing, match=why):
        build(folder)
    assert main(["song-pack", "--from", str(folder), "--out", str(tmp_path / "out")]) == 10
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_pack_says_what_is_missing(tmp_path):
    with pytest.raises(DataMissing, match=r"pack\.toml is missing"):
        build(tmp_path)
