"""Any photo is read upright, its largest face is found and measured, and what cannot be used is said clearly."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from device_agent.engine import canonical
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.load import MAX_SIDE, load_photo
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.photo.restore import restore
from device_agent.errors import NoFace, PhotoUnreadable

ROTATIONS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


@pytest.mark.parametrize("orientation", ROTATIONS)
def test_a_photo_is_turned_as_its_exif_says(hopper: Path, tmp_path: Path, orientation: int) -> None:
    upright = Image.open(hopper)
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright.transpose(ROTATIONS[orientation]).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(load_photo(tmp_path / "turned.png"), np.asarray(upright))


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "1", "RGBA", "LA"])
def test_every_colour_mode_becomes_rgb(hopper: Path, tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    Image.open(hopper).convert(mode).save(path)
    pixels = load_photo(path)
    assert pixels.shape == (600, 512, 3)
    assert pixels.dtype == np.uint8
    assert abs(float(pixels.mean()) - float(np.asarray(Image.open(hopper)).mean())) < 20


def test_sixteen_bit_grey_is_brought_to_eight(hopper: Path, tmp_path: Path) -> None:
    grey = np.asarray(Image.open(hopper).convert("L"), dtype=np.uint16) * 257
    Image.fromarray(grey).save(tmp_path / "scan.png")
    assert load_photo(tmp_path / "scan.png").max() == 255


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert load_photo(tmp_path / "clear.png").min() == 255


def test_a_huge_scan_is_reduced(tmp_path: Path) -> None:
    Image.new("RGB", (9000, 6000), "grey").save(tmp_path / "scan.jpg", quality=20)
    assert max(load_photo(tmp_path / "scan.jpg").shape) <= MAX_SIDE


@pytest.mark.parametrize("content", [b"", b"not a picture at all", b"\xff\xd8\xff\xe0" + b"\0" * 100])
def test_what_is_not_a_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photo.jpg").write_bytes(content)
    with pytest.raises(PhotoUnreadable, match=r"photo\.jpg"):
        load_photo(tmp_path / "photo.jpg")


def test_a_truncated_picture_is_refused(hopper: Path, tmp_path: Path) -> None:
    (tmp_path / "half.jpg").write_bytes(hopper.read_bytes()[: hopper.stat().st_size // 2])
    with pytest.raises(PhotoUnreadable, match="cannot be read whole"):
        load_photo(tmp_path / "half.jpg")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotoUnreadable):
        load_photo(tmp_path / "absent.jpg")


def test_a_picture_bomb_is_refused_unread(tmp_path: Path) -> None:
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    with pytest.raises(PhotoUnreadable, match="million pixels"):
        load_photo(tmp_path / "bomb.png")


def test_a_tiny_picture_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "tiny.png")
    with pytest.raises(PhotoUnreadable, match="20x20"):
        load_photo(tmp_path / "tiny.png")


def test_the_portrait_is_measured(portrait: Portrait) -> None:
    eyes = np.linalg.norm(portrait.landmarks[468, :2] - portrait.landmarks[473, :2])
    assert eyes == pytest.approx(84 * 720 / 600, rel=0.05)
    assert portrait.lips.closed
    assert portrait.rest_opening_mm == 0
    assert abs(portrait.yaw_degrees) < 8
    assert portrait.prompt.shape == (1, 3, 256, 256)
    assert portrait.faces == 1


def test_a_mirrored_photo_gives_mirrored_points(engine: Engine, hopper: Path, portrait: Portrait) -> None:
    mirrored = engine.reader.read(load_photo(hopper)[:, ::-1].copy(), 1280, 720)
    right, left = mirrored.landmarks[[33, 263], 0]
    expected = 1280 - portrait.landmarks[[263, 33], 0]
    assert np.abs(np.array([right, left]) - expected).max() < 2.5


@pytest.mark.parametrize("degrees", [-25, 20])
def test_a_tilted_head_is_followed(engine: Engine, hopper: Path, degrees: int) -> None:
    tilted = Image.open(hopper).rotate(-degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor="grey")
    found = engine.reader.read(np.asarray(tilted), 1280, 720)
    axis = found.lips.axis
    assert np.degrees(np.arctan2(axis[1], axis[0])) == pytest.approx(degrees, abs=5)


def test_the_largest_of_two_faces_is_used(engine: Engine, hopper: Path) -> None:
    whole = Image.open(hopper)
    both = Image.new("RGB", (1100, 600), "grey")
    both.paste(whole.resize((256, 300)), (50, 150))
    both.paste(whole, (560, 0))
    found = engine.reader.read(np.asarray(both), 1100, 600)
    assert found.faces == 2
    assert found.landmarks[4, 0] > 560


def test_a_small_face_in_a_large_photo_is_found(engine: Engine, hopper: Path) -> None:
    group = Image.new("RGB", (1600, 1200), "grey")
    group.paste(Image.open(hopper).resize((171, 200)), (1200, 700))
    found = engine.reader.read(np.asarray(group), 1600, 1200)
    assert 1200 < found.landmarks[4, 0] < 1371


def two_faces(hopper: Path) -> np.ndarray:
    """A small face at the left, a large one at the right."""
    whole = Image.open(hopper)
    both = Image.new("RGB", (1100, 600), "grey")
    both.paste(whole.resize((256, 300)), (50, 150))
    both.paste(whole, (560, 0))
    return np.asarray(both)


@pytest.mark.parametrize(("face", "left", "right"), [(1, 50, 306), (2, 560, 1072)])
def test_faces_are_counted_from_the_left(engine: Engine, hopper: Path, face: int, left: int, right: int) -> None:
    found = engine.reader.read(two_faces(hopper), 1100, 600, face=face)
    assert left < found.landmarks[4, 0] < right
    assert len(found.face_boxes) == 2
    assert found.face_boxes[0][2] < found.face_boxes[1][0]


@pytest.mark.parametrize("face", [0, 3, -1])
def test_a_face_that_is_not_there_is_refused_with_the_count(engine: Engine, hopper: Path, face: int) -> None:
    with pytest.raises(NoFace, match=f"face {face} was asked for, the photo shows 2 faces"):
        engine.reader.read(two_faces(hopper), 1100, 600, face=face)


def test_a_small_face_is_used_with_a_warning(engine: Engine, hopper: Path) -> None:
    tiny = Image.open(hopper).resize((171, 200))
    assert "pixels between the eyes" in engine.reader.read(np.asarray(tiny), 640, 360).warnings[0]
    assert engine.reader.read(load_photo(hopper), 640, 360).warnings == ()


def test_a_face_that_fills_a_huge_scan_is_found(engine: Engine, hopper: Path, tmp_path: Path) -> None:
    """2000 pixels between the eyes; the scan is reduced on reading."""
    face = Image.open(hopper).crop((120, 60, 392, 332))
    face.resize((6480, 6480), Image.Resampling.BILINEAR).save(tmp_path / "huge.jpg", quality=60)
    found = engine.reader.read(load_photo(tmp_path / "huge.jpg"), 1280, 720)
    eyes = np.linalg.norm(found.landmarks[468, :2] - found.landmarks[473, :2])
    assert eyes == pytest.approx(84 * 720 / 272, rel=0.1)


def test_avif_is_read(hopper: Path, tmp_path: Path) -> None:
    Image.open(hopper).save(tmp_path / "photo.avif", quality=90)
    assert np.abs(load_photo(tmp_path / "photo.avif").astype(int) - np.asarray(Image.open(hopper))).mean() < 6


def cast(pixels: np.ndarray) -> float:
    """How much brighter red is than blue in the brightest tones."""
    bright = np.percentile(pixels.reshape(-1, 3), 99, axis=0)
    return float(bright[0] - bright[2])


def test_yellowing_is_undone_within_bounds(hopper: Path) -> None:
    fresh = load_photo(hopper)
    yellowed = (fresh * np.array([0.95, 0.85, 0.65]) + np.array([12, 8, 0])).astype(np.uint8)
    assert cast(yellowed) > 60
    assert abs(cast(restore(yellowed))) < 6
    assert np.abs(restore(yellowed).astype(int) - fresh).mean() < 0.5 * np.abs(yellowed.astype(int) - fresh).mean()


def test_a_fresh_photo_and_a_grey_one_keep_their_colours(hopper: Path) -> None:
    fresh = load_photo(hopper)
    grey = np.repeat(fresh.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert np.abs(restore(fresh).astype(int) - fresh).mean() < 6
    assert np.array_equal(restore(grey), grey)


def test_a_picture_of_one_strong_colour_is_not_turned_grey() -> None:
    sunset = np.zeros((64, 64, 3), dtype=np.uint8)
    sunset[...] = np.linspace(0, 1, 64)[:, None, None] * np.array([250, 120, 30])
    assert cast(restore(sunset)) > 100


def test_a_photo_without_a_face_is_refused(engine: Engine) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    with pytest.raises(NoFace, match="no face"):
        engine.reader.read(noise, 640, 360)


def test_pose_carries_the_canonical_face_onto_the_photo(engine: Engine, portrait: Portrait) -> None:
    points = list(canonical.UPPER_FACE)
    placed = portrait.to_canvas.apply(engine.constants.points)[points, :2]
    assert np.abs(placed - portrait.landmarks[points, :2]).max() < 2.0


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "closed"),
    [
        ("painting_child.jpg", True), ("painting_mona_lisa.jpg", True), ("painting_veiled_lady.jpg", True),
        ("painting_pearl_earring.jpg", False), ("synthetic_face_1.png", True), ("synthetic_face_2.png", False),
        ("synthetic_face_4.png", True), ("synthetic_face_6.png", True),
    ],
)  # fmt: skip
def test_open_and_closed_mouths_are_told_apart(engine: Engine, shared_data: Path, name: str, closed: bool) -> None:
    assert engine.reader.read(load_photo(shared_data / "photos" / name), 1920, 1080).lips.closed is closed
