"""A map of motion moves the photo's own pixels: truly in millimetres, without a seam, and back to closed lips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from device_agent.engine import canonical
from device_agent.engine.compose import compose, to_yuv
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.lips import LipLine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.face import FaceWarp
from device_agent.engine.warp.field import MotionField
from device_agent.engine.warp.rounding import Rounding


@pytest.fixture(scope="module")
def warp(engine: Engine, portrait: Portrait) -> FaceWarp:
    return engine.warp(portrait)


def box_of(picture: np.ndarray, warp: FaceWarp) -> np.ndarray:
    box = warp.box
    return picture[box.top : box.top + box.height, box.left : box.left + box.width]


def drawn(engine: Engine, portrait: Portrait, warp: FaceWarp, millimetres: float) -> np.ndarray:
    """Return the whole frame's brightness, the mouth opened by so many millimetres."""
    frame = portrait.yuv[..., 0].copy()
    box_of(frame, warp)[:] = warp.draw(engine.constants.opening_map * np.float32(millimetres))[0]
    return frame


def test_without_motion_a_closed_photo_stays_as_it_is(engine: Engine, portrait: Portrait, warp: FaceWarp) -> None:
    luma, chroma = warp.draw(np.zeros((4, 64, 64), dtype=np.float32))
    assert np.abs(luma.astype(int) - box_of(portrait.yuv[..., 0], warp)).max() <= 1
    assert chroma.shape == (warp.box.height // 2, warp.box.width // 2, 2)


@pytest.mark.parametrize("millimetres", [4.0, 8.0, 14.0])
def test_the_lips_part_by_the_millimetres_of_the_map(
    engine: Engine, portrait: Portrait, warp: FaceWarp, millimetres: float
) -> None:
    field = MotionField(portrait, engine.constants.points, engine.constants.extent, engine.constants.opening_map)
    sources = field.sources(engine.constants.opening_map * np.float32(millimetres))
    column = int(np.abs(field.x - portrait.lips.centre[0]).argmin())
    middle = len(portrait.lips.along) // 2
    line = float(portrait.lips.upper[middle]) + portrait.lips.centre[1]
    upper = field.y[np.flatnonzero(field.y + sources.upper[:, column, 1] <= line)[-1]]
    lower = field.y[np.flatnonzero(field.y + sources.lower[:, column, 1] >= line)[0]]
    assert (lower - upper) / portrait.px_per_mm == pytest.approx(millimetres, abs=8 / portrait.px_per_mm)


def test_no_seam_shows_at_the_border_of_the_face_box(engine: Engine, portrait: Portrait, warp: FaceWarp) -> None:
    luma, _ = warp.draw(engine.constants.opening_map * np.float32(15))
    still = box_of(portrait.yuv[..., 0], warp).astype(int)
    change = np.abs(luma.astype(int) - still)
    border = np.concatenate([change[0], change[-1], change[:, 0], change[:, -1]])
    assert border.max() <= 4
    assert change.max() > 50


def test_eyes_and_background_do_not_move(engine: Engine, portrait: Portrait, warp: FaceWarp) -> None:
    opened = drawn(engine, portrait, warp, 15)
    x, y = portrait.landmarks[468, :2].astype(int)
    patch = (slice(y - 10, y + 10), slice(x - 10, x + 10))
    assert np.abs(opened[patch].astype(int) - portrait.yuv[..., 0][patch]).max() <= 1


def test_an_open_mouth_shows_a_dark_hollow_and_a_closed_one_does_not(
    engine: Engine, portrait: Portrait, warp: FaceWarp
) -> None:
    x, y = portrait.lips.centre.astype(int)
    reach = int(12 * portrait.px_per_mm)
    darkest = [
        int(np.sort(drawn(engine, portrait, warp, mm)[y : y + reach, x - 5 : x + 5].ravel())[20]) for mm in (0, 12)
    ]
    assert darkest[1] < 45 < darkest[0]


def test_beyond_the_corners_both_layers_agree(engine: Engine, portrait: Portrait) -> None:
    field = MotionField(portrait, engine.constants.points, engine.constants.extent, engine.constants.opening_map)
    motion = np.zeros((4, 64, 64), dtype=np.float32)
    motion[3] = 10.0
    sources = field.sources(motion)
    along, _ = portrait.lips.frame(*np.meshgrid(field.x, field.y))
    beyond = np.abs(along) > portrait.lips.half_width * 1.3
    assert np.abs(sources.upper - sources.lower)[beyond].max() < 1.5


def opened_lips(portrait: Portrait, millimetres: float) -> LipLine:
    lips = portrait.lips
    gap = millimetres * portrait.px_per_mm * (1 - (lips.along / lips.half_width) ** 2)
    return replace(
        lips, upper=(lips.upper - gap / 2).astype(np.float32), lower=(lips.lower + gap / 2).astype(np.float32)
    )


def test_an_open_photo_closes_when_nobody_speaks(engine: Engine, portrait: Portrait) -> None:
    """Whatever the picture shows between its lips is gone at motion zero: the lips meet."""
    lips = opened_lips(portrait, 8.0)
    yuv = portrait.yuv.copy()
    rows, columns = np.mgrid[0 : yuv.shape[0], 0 : yuv.shape[1]] + 0.5
    along, across = lips.frame(columns.astype(np.float32), rows.astype(np.float32))
    upper, lower = lips.heights(along)
    between = (np.abs(along) < lips.half_width) & (across > upper + 1.5) & (across < lower - 1.5)
    yuv[between] = (255, 128, 128)
    opened = replace(portrait, lips=lips, yuv=yuv, rest_opening_mm=8.0)
    warp = engine.warp(opened)
    luma, _ = warp.draw(np.zeros((4, 64, 64), dtype=np.float32))
    assert (box_of(yuv[..., 0], warp) == 255).sum() > 300
    assert (luma > 250).sum() < 20


def test_a_turned_face_moves_less_across(engine: Engine, portrait: Portrait) -> None:
    angle = np.radians(40)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    turned = replace(portrait, to_canvas=portrait.to_canvas._replace(rotation=turn @ portrait.to_canvas.rotation))
    widest = []
    for one in (portrait, turned):
        field = MotionField(one, engine.constants.points, engine.constants.extent, engine.constants.opening_map)
        motion = np.zeros((4, 64, 64), dtype=np.float32)
        motion[[0, 2]] = 4.0
        widest.append(float(np.abs(field.sources(motion).upper[..., 0]).max()))
    assert widest[1] / widest[0] == pytest.approx(np.cos(angle), abs=0.08)


def test_the_wave_of_closed_lips_becomes_an_arc_when_they_part(portrait: Portrait) -> None:
    lips = portrait.lips
    wave = (3.0 * np.sin(lips.along / lips.half_width * 9)).astype(np.float32)
    waved = replace(lips, upper=wave, lower=wave)
    x = np.arange(lips.centre[0] - lips.half_width, lips.centre[0] + lips.half_width, 4, dtype=np.float32)
    y = np.arange(lips.centre[1] - 60, lips.centre[1] + 60, 4, dtype=np.float32)
    rounding = Rounding.of(waved, x, y, portrait.px_per_mm)
    still = np.zeros((len(y), len(x), 2), dtype=np.float32)
    opened = still + np.array([-lips.axis[1], lips.axis[0]], dtype=np.float32) * 12 * np.float32(portrait.px_per_mm)
    assert rounding.at(still, still) == 0
    assert rounding.at(still, opened) == 1
    assert 2.0 < np.abs(rounding.lower).max() < 6.0
    assert np.abs(rounding.upper).max() < np.abs(rounding.lower).max()


@pytest.mark.parametrize(
    "crop", [(0, 0, 512, 330), (0, 0, 512, 270), (240, 0, 512, 600), (0, 0, 260, 600), (0, 150, 512, 600)]
)
def test_a_face_that_the_photo_cuts_off_can_still_be_moved(
    engine: Engine, hopper: Path, crop: tuple[int, int, int, int]
) -> None:
    part = engine.reader.read(np.asarray(Image.open(hopper).crop(crop)), 1280, 720)
    warp = engine.warp(part)
    luma, chroma = warp.draw(engine.constants.opening_map * np.float32(10))
    assert luma.shape == (warp.box.height, warp.box.width)
    assert chroma.shape == (warp.box.height // 2, warp.box.width // 2, 2)
    assert np.abs(luma.astype(int) - box_of(part.yuv[..., 0], warp)).max() > 20


def test_the_mouth_of_a_faded_photo_is_not_blacker_than_the_photo(engine: Engine, hopper: Path) -> None:
    faded = (np.asarray(Image.open(hopper).convert("L").convert("RGB")) * 0.6 + 70).astype(np.uint8)
    part = engine.reader.read(faded, 1280, 720)
    warp = engine.warp(part)
    canvas = part.canvas
    black = int(part.yuv[canvas.top : canvas.bottom, canvas.left : canvas.right, 0].min())
    luma, chroma = warp.draw(engine.constants.opening_map * np.float32(14))
    assert int(luma.min()) >= black - 8
    assert np.abs(chroma.astype(int) - 128).max() <= 3


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (640, 640)])
def test_photos_of_any_shape_are_shown_whole(size: tuple[int, int]) -> None:
    photo = np.zeros((300, 200, 3), dtype=np.uint8)
    photo[:, :100] = 255
    canvas = compose(photo, *size)
    assert canvas.pixels.shape == (size[1], size[0], 3)
    assert (canvas.right - canvas.left) / (canvas.bottom - canvas.top) == pytest.approx(2 / 3, rel=0.01)
    corner = canvas.place(np.array([[100.0, 150.0, 0.0]]))[0]
    assert corner[:2] == pytest.approx([size[0] / 2, size[1] / 2], abs=1)


def test_white_and_black_are_limited_range() -> None:
    pixels = np.array([[[255, 255, 255], [0, 0, 0], [128, 128, 128]]], dtype=np.uint8)
    assert to_yuv(pixels)[0].tolist() == [[235, 128, 128], [16, 128, 128], [126, 128, 128]]


def test_the_canonical_face_is_the_right_way_up(engine: Engine) -> None:
    points = engine.constants.points
    assert points[canonical.LOWER_LIP_CENTRE, 1] > points[canonical.UPPER_LIP_CENTRE, 1] - 1
    assert points[canonical.LEFT_CORNER, 0] > 0 > points[canonical.RIGHT_CORNER, 0]
