"""Scans as people make them: paper around the photo, dust on it, a lamp reflected in it, files made to hurt."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from device_agent.engine.loaded import Engine
from device_agent.engine.photo.borders import cut_borders, find_borders
from device_agent.engine.photo.dust import remove_dust
from device_agent.engine.photo.load import MAX_SIDE, load_photo
from device_agent.engine.photo.prepare import TRIMMED, Treatment, read_portrait
from device_agent.errors import PhotoUnreadable

PAPER = (246, 243, 236)
SPECKS = 400


def on_paper(photo: np.ndarray, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    sheet = cv2.copyMakeBorder(photo, top, bottom, left, right, cv2.BORDER_CONSTANT, value=PAPER)
    grain = np.random.default_rng(1).normal(0, 1.2, sheet.shape)
    return np.clip(sheet + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sides", [(30, 30, 30, 30), (0, 0, 220, 310), (40, 0, 0, 12)])
def test_paper_around_a_scan_is_cut_off(hopper: Path, sides: tuple[int, int, int, int]) -> None:
    photo = load_photo(hopper)
    found = find_borders(on_paper(photo, *sides))
    assert np.abs(np.array(found) - sides).max() <= 8
    inner = cut_borders(on_paper(photo, *sides))
    assert abs(inner.shape[0] - 600) <= 8
    assert abs(inner.shape[1] - 512) <= 8


def test_a_black_lid_is_cut_off_too(hopper: Path) -> None:
    scan = cv2.copyMakeBorder(load_photo(hopper), 50, 0, 0, 70, cv2.BORDER_CONSTANT, value=(9, 9, 10))
    assert np.abs(np.array(find_borders(scan)) - (0, 50, 70, 0)).max() <= 8


def test_a_white_wall_behind_a_head_is_no_border() -> None:
    wall = np.full((600, 500, 3), 245, dtype=np.uint8)
    cv2.ellipse(wall, (250, 300), (110, 150), 0, 0, 360, (150, 110, 90), -1)
    cv2.rectangle(wall, (60, 440), (440, 600), (40, 40, 60), -1)
    assert find_borders(wall)[:3] == (0, 0, 0)
    assert find_borders(np.full((600, 500, 3), 245, dtype=np.uint8)) == (0, 0, 0, 0)


def test_an_ordinary_photo_is_not_cut(hopper: Path) -> None:
    photo = load_photo(hopper)
    assert cut_borders(photo) is photo


@pytest.mark.shared_data
def test_free_portraits_are_not_cut(shared_data: Path) -> None:
    photos = sorted((shared_data / "photos").glob("*.[jp][pn]g"))
    assert photos
    assert [photo.name for photo in photos if any(find_borders(load_photo(photo)))] == []


def test_a_person_is_told_of_the_cut_and_can_refuse_it(engine: Engine, hopper: Path, tmp_path: Path) -> None:
    Image.fromarray(on_paper(load_photo(hopper), 0, 0, 300, 200)).save(tmp_path / "scan.png")
    cut, whole = (
        read_portrait(engine.reader, tmp_path / "scan.png", 640, 360, Treatment(crop=crop)) for crop in (True, False)
    )
    assert TRIMMED in cut.warnings
    assert TRIMMED not in whole.warnings
    assert cut.px_per_mm > 1.2 * whole.px_per_mm


def dusty(photo: np.ndarray) -> np.ndarray:
    chance = np.random.default_rng(5)
    spoilt = photo.copy()
    for x, y in chance.integers(4, 500, (SPECKS, 2)):
        cv2.circle(spoilt, (int(x), int(y)), 1, (250, 250, 248) if chance.random() < 0.8 else (10, 10, 10), -1)
    return spoilt


def test_dust_goes_and_the_photo_stays(hopper: Path) -> None:
    photo = load_photo(hopper)
    spoilt = dusty(photo)
    specks = (spoilt != photo).any(axis=2)
    before, after = (
        np.abs(picture.astype(int) - photo)[specks].sum() for picture in (spoilt, remove_dust(spoilt, []))
    )
    assert after < 0.5 * before
    unchanged = (remove_dust(photo, []) == photo).all(axis=2).mean()
    assert unchanged > 0.985


def test_lights_in_the_eyes_are_no_dust(engine: Engine, hopper: Path, tmp_path: Path) -> None:
    photo = load_photo(hopper).copy()
    irises = engine.reader.read(photo, 512, 600).landmarks[[468, 473], :2].astype(int)
    for x, y in irises:
        cv2.circle(photo, (int(x), int(y)), 1, (255, 255, 255), -1)
    Image.fromarray(photo).save(tmp_path / "lights.png")
    kept = read_portrait(engine.reader, tmp_path / "lights.png", 512, 600, Treatment(restore=True)).canvas.pixels
    assert all(kept[y - 2 : y + 3, x - 2 : x + 3].min(axis=2).max() > 220 for x, y in irises)


def test_a_texture_is_not_taken_for_dust() -> None:
    canvas = np.full((300, 300, 3), 120, dtype=np.uint8)
    canvas[::6, ::6] = 220
    assert np.array_equal(remove_dust(canvas, []), canvas)


def test_a_reflection_on_the_face_is_told(engine: Engine, hopper: Path) -> None:
    photo = load_photo(hopper).copy()
    x, y = engine.reader.read(photo, 512, 600).landmarks[4, :2].astype(int)
    assert engine.reader.read(photo, 512, 600).warnings == ()
    cv2.circle(photo, (int(x) + 55, int(y) + 10), 30, (255, 255, 255), -1)
    (told,) = engine.reader.read(photo, 512, 600).warnings
    assert "reflection hides" in told


def png(header: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def deep_png(photo: np.ndarray) -> bytes:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in photo.astype(np.uint16) * 257)
    header = struct.pack(">IIBBBBB", photo.shape[1], photo.shape[0], 16, 2, 0, 0, 0)
    return png(header, (b"IDAT", zlib.compress(rows, 1)))


def test_sixteen_bits_a_colour_are_read(hopper: Path, tmp_path: Path) -> None:
    photo = load_photo(hopper)
    (tmp_path / "deep.png").write_bytes(deep_png(photo))
    cv2.imwrite(str(tmp_path / "deep.tif"), photo[..., ::-1].astype(np.uint16) * 257)
    for name in ("deep.png", "deep.tif"):
        assert np.abs(load_photo(tmp_path / name).astype(int) - photo).max() <= 1


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_of_an_animation_the_first_picture_is_taken(hopper: Path, tmp_path: Path, kind: str) -> None:
    first, second = Image.open(hopper), Image.new("RGB", (512, 600))
    first.save(tmp_path / f"moving.{kind}", save_all=True, append_images=[second])
    assert load_photo(tmp_path / f"moving.{kind}").mean() > 60


def test_a_palette_with_transparency_lies_on_white(hopper: Path, tmp_path: Path) -> None:
    Image.open(hopper).quantize(16).save(tmp_path / "clear.png", transparency=bytes(16))
    assert load_photo(tmp_path / "clear.png").min() == 255


def test_a_huge_panorama_is_reduced(tmp_path: Path) -> None:
    Image.new("RGB", (20000, 100), "grey").save(tmp_path / "wide.png")
    assert load_photo(tmp_path / "wide.png").shape == (19, MAX_SIDE, 3)


def test_a_colour_profile_is_followed_and_a_damaged_one_left_aside(hopper: Path, tmp_path: Path) -> None:
    photo = Image.open(hopper)
    same = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in (("same.png", same), ("damaged.png", b"nonsense" * 20)):
        photo.save(tmp_path / name, icc_profile=profile)
        assert np.abs(load_photo(tmp_path / name).astype(int) - np.asarray(photo)).max() <= 2


LYING_SIZE = png(struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0), (b"IDAT", zlib.compress(bytes(100))))
BOMB_IN_A_NOTE = png(
    struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0), (b"zTXt", b"a\0\0" + zlib.compress(bytes(20_000_000), 9))
)


@pytest.mark.parametrize("content", [LYING_SIZE, BOMB_IN_A_NOTE, b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>"])
def test_files_made_to_hurt_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photo.png").write_bytes(content)
    with pytest.raises(PhotoUnreadable, match=r"photo\.png"):
        load_photo(tmp_path / "photo.png")


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:200], lambda data: data[: len(data) // 2], lambda data: data[:-3]]
)
def test_a_jpeg_cut_anywhere_is_refused(hopper: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    (tmp_path / "part.jpg").write_bytes(spoil(hopper.read_bytes()))
    with pytest.raises(PhotoUnreadable, match="cannot be read whole"):
        load_photo(tmp_path / "part.jpg")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_lose_the_photo(hopper: Path, tmp_path: Path) -> None:
    data = hopper.read_bytes()
    note = b"\xff\xe1\x00\x20Exif\0\0MM\0*\xff\xff\xff\xff" + b"\x99" * 16
    (tmp_path / "photo.jpg").write_bytes(data[:2] + note + data[2:])
    assert np.array_equal(load_photo(tmp_path / "photo.jpg"), load_photo(hopper))
