"""A gallery of one photo and one voice, with a picture that shows nobody beside it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from device_agent.engine import package
from device_agent.engine.loaded import Engine
from device_agent.engine.render import Options
from model_pipeline.errors import DataMissing
from model_pipeline.gallery.make import OVERVIEW, Entry, make_all
from model_pipeline.gallery.mouth import moments, mouth_square
from model_pipeline.gallery.page import figures, write_page
from model_pipeline.gallery.photos import find_photos, sample_portrait
from model_pipeline.gallery.plan import planned
from model_pipeline.gallery.voices import VOICES, sound_of

SMALL = Options(width=480, height=270, seconds=1.6)
MODEL = "nano-0123456789ab"


@pytest.fixture(scope="module")
def nobody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture without a face, named to break pages."""
    path = tmp_path_factory.mktemp("photos") / "<b>nobody & nothing.png"
    Image.fromarray(np.full((200, 300, 3), 128, dtype=np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def gallery(shipped: Path, nobody: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Entry]]:
    """The folder, and what came of the two photos."""
    out = tmp_path_factory.mktemp("gallery")
    items = planned([sample_portrait(), nobody], VOICES[:1])
    entries = make_all(Engine(package.load(shipped)), items, out, SMALL, done=lambda: None)
    write_page(entries, out, model_id=MODEL, options=SMALL)
    return out, entries


def test_the_page_shows_the_video_and_the_sheet_of_its_mouth(gallery):
    out, (entry, _) = gallery
    page = (out / "index.html").read_text(encoding="utf-8")
    for name in (entry.made.video, entry.made.sheet):
        assert f'src="{name}"' in page
        assert (out / name).stat().st_size > 1000
    assert f'href="{OVERVIEW}"' in page and (out / OVERVIEW).is_file()
    assert "照片" in page and "its end is cut" in page


def test_the_page_needs_nothing_from_outside(gallery):
    page = (gallery[0] / "index.html").read_text(encoding="utf-8")
    assert "://" not in page and "//" not in page.replace("<!--", "")


def test_a_photo_without_a_face_is_a_sentence_on_the_page_and_ends_nothing(gallery):
    out, (_, entry) = gallery
    page = (out / "index.html").read_text(encoding="utf-8")
    assert entry.made is None and "no face was found" in entry.error
    assert entry.error in page
    assert "<b>nobody" not in page and "&lt;b&gt;nobody &amp; nothing.png" in page


def test_the_sheet_shows_a_mouth_that_opens(gallery):
    out, (entry, _) = gallery
    closed, half, widest = entry.made.moments.opening_mm
    assert closed < half < widest
    with Image.open(out / entry.made.sheet) as sheet:
        tiles = np.asarray(sheet.convert("L"), dtype=np.float32)[20:308, 600:]
    shut, wide = tiles[:, 296:584], tiles[:, 3 * 296 : 3 * 296 + 288]
    assert np.abs(shut - wide).max() > 60


def test_the_figures_tell_what_was_made_and_what_was_not(gallery):
    _, entries = gallery
    made, failed = figures(entries, model_id=MODEL, options=SMALL)["videos"]
    assert made["frames"] == 40 and made["fps"] > 0 and made["language"] == "en"
    assert failed["photo"] == "<b>nobody & nothing.png" and failed["error"]


def test_every_photo_has_one_voice_and_the_first_photo_every_voice():
    items = planned([Path("a.jpg"), Path("b.jpg")], VOICES)
    assert [item.photo.name for item in items if item.voice is VOICES[0]] == ["a.jpg", "b.jpg"]
    assert [item.voice for item in items if item.photo.name == "a.jpg"] == list(VOICES)
    assert len({item.name for item in items}) == len(items)


def test_five_languages_speak_among_them_mandarin():
    assert {voice.language.code for voice in VOICES} == {"en", "zh-CN", "de", "fr", "es"}


@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.name)
def test_every_voice_speaks_for_some_seconds(voice, tmp_path):
    assert 1.5 < sound_of(voice, tmp_path).stat().st_size / 2 / 16_000 < 9


def test_moments_are_the_smallest_the_middle_and_the_largest_opening_of_speech():
    found = moments([3.0, 1.0, 4.0, 6.2, 9.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0, 0.5])
    assert found.frames == (1, 2, 4)
    assert found.opening_mm == (1.0, 4.0, 9.0)


def test_moments_of_a_voice_too_short_for_the_gate_to_open_are_those_where_it_opens_most():
    assert moments([0.0, 5.0, 1.0, 2.8], [0.0, 0.5, 0.5, 0.5]).frames == (2, 3, 1)


def test_the_mouths_square_stays_inside_the_frame():
    assert mouth_square(np.array([5.0, 95.0]), 1.0, 200, 100) == (0, 32, 68, 100)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DataMissing, match="holds no picture"):
        find_photos([tmp_path])
    with pytest.raises(DataMissing, match="is no folder"):
        find_photos([tmp_path / "absent"])
