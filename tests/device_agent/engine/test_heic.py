"""HEIC photos are read where the maker installed the extra, and refused with a way out where not."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from device_agent.engine.photo import load
from device_agent.engine.photo.load import load_photo
from device_agent.errors import PhotoUnreadable
from tests.support.heif import TURN_STEPS, write_heic


@pytest.fixture
def face(hopper: Path) -> np.ndarray:
    """A part of the portrait, even in width and height."""
    return np.asarray(Image.open(hopper))[80:380, 120:400]


@pytest.fixture
def no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame as it comes: the package is not installed."""
    monkeypatch.setitem(sys.modules, "pi_heif", None)


@pytest.mark.parametrize("turned", TURN_STEPS)
def test_a_telephones_photo_is_read_upright(face: np.ndarray, tmp_path: Path, turned: int) -> None:
    write_heic(tmp_path / "IMG_0001.HEIC", face, turned=turned)
    expected = np.rot90(face, TURN_STEPS[turned])
    pixels = load_photo(tmp_path / "IMG_0001.HEIC")
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).mean() < 4


def test_a_heic_photo_that_is_cut_short_is_refused(face: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    write_heic(path, face)
    whole = path.read_bytes()
    for length in (40, 300, len(whole) // 2, len(whole) - 1000):
        path.write_bytes(whole[:length])
        with pytest.raises(PhotoUnreadable, match=r"photo\.heic cannot be read whole"):
            load_photo(path)


def test_a_huge_heic_photo_is_refused_unread(
    face: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "MAX_PIXELS", 50_000)
    write_heic(tmp_path / "photo.heic", face)
    with pytest.raises(PhotoUnreadable, match="280x300"):
        load_photo(tmp_path / "photo.heic")


@pytest.mark.usefixtures("no_extra")
@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_without_the_extra_it_is_refused_with_a_way_out(tmp_path: Path, brand: bytes) -> None:
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(400))
    with pytest.raises(PhotoUnreadable, match=r"HEIC photo.*JPEG"):
        load_photo(tmp_path / "photo.heic")


@pytest.mark.usefixtures("no_extra")
def test_without_the_extra_every_other_format_is_read(hopper: Path) -> None:
    assert load_photo(hopper).shape == (600, 512, 3)
