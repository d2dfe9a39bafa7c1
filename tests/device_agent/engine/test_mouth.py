"""The inside of the mouth: teeth stay with the skull, tones with the photo, and nothing outside the head moves."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from device_agent.engine import mouth_shape, pictures
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.stage import Stage
from device_agent.engine.video.frames import Planes
from device_agent.engine.warp import mouth
from device_agent.engine.warp.dentition import UPPER, see_row
from device_agent.engine.warp.face import FaceWarp
from device_agent.engine.warp.own_teeth import find_own_teeth
from device_agent.engine.warp.softness import blur_px
from device_agent.engine.warp.tones import SHADE_STEP, TEETH_BRIGHTEST, measure_tones, shades, teeth_tone

UPPER_RISE_MM = 3.0
TEETH_MM, TOOTH_WHITE, HOLLOW_BLACK = 7.0, 215, 25


@pytest.fixture(scope="module")
def warp(engine: Engine, portrait: Portrait) -> FaceWarp:
    return engine.warp(portrait)


def opening(engine: Engine, millimetres: float) -> np.ndarray:
    return np.asarray(engine.constants.opening_map * np.float32(millimetres))


def lips_apart(millimetres: float) -> np.ndarray:
    """The upper lip rises by 3 mm everywhere, the lower one falls by the rest."""
    motion = np.zeros((4, 64, 64), dtype=np.float32)
    motion[1], motion[3] = -UPPER_RISE_MM, millimetres - UPPER_RISE_MM
    return motion


def in_mouth(portrait: Portrait, warp: FaceWarp) -> tuple[np.ndarray, np.ndarray]:
    """Return mm beside the middle of the mouth and below the upper lip's edge, for each pixel of the face box."""
    lips, unit = portrait.lips, portrait.px_per_mm
    rows, columns = np.mgrid[0 : warp.box.height, 0 : warp.box.width].astype(np.float32)
    along, across = lips.frame(columns + warp.box.left + 0.5, rows + warp.box.top + 0.5)
    return along / unit, (across - lips.heights(along)[0]) / unit


@pytest.fixture(scope="module")
def smile(portrait: Portrait) -> Portrait:
    """The portrait with its lips 14 mm apart, white teeth below the upper lip and a black hollow under them."""
    lips, unit = portrait.lips, portrait.px_per_mm
    gap = 14.0 * unit * (1 - (lips.along / lips.half_width) ** 2)
    apart = replace(
        lips, upper=(lips.upper - gap / 4).astype(np.float32), lower=(lips.lower + gap * 3 / 4).astype(np.float32)
    )
    yuv = portrait.yuv.copy()
    rows, columns = np.mgrid[0 : yuv.shape[0], 0 : yuv.shape[1]].astype(np.float32)
    along, across = lips.frame(columns + 0.5, rows + 0.5)
    upper, lower = apart.heights(along)
    hollow = (np.abs(along) < lips.half_width) & (across > upper) & (across < lower)
    yuv[hollow] = (HOLLOW_BLACK, 128, 128)
    yuv[hollow & (across < upper + TEETH_MM * unit)] = (TOOTH_WHITE, 128, 128)
    return replace(portrait, lips=apart, yuv=yuv, rest_opening_mm=14.0)


def test_upper_teeth_stay_where_they_are_when_the_jaw_falls(portrait: Portrait, warp: FaceWarp) -> None:
    beside, below = in_mouth(portrait, warp)
    teeth = (np.abs(beside) < 12) & (below > -2.0) & (below < 0.8)
    high, low = (warp.draw(lips_apart(millimetres))[0][teeth].astype(int) for millimetres in (14.0, 20.0))
    assert np.median(low) > 85
    assert np.abs(high - low).max() <= 1


def test_teeth_are_told_apart_and_fade_to_the_corners(portrait: Portrait, warp: FaceWarp) -> None:
    beside, below = in_mouth(portrait, warp)
    luma = warp.draw(lips_apart(14.0))[0].astype(float)
    row = (below > -1.2) & (below < 0.8)
    by_mm = [float(luma[row & (np.abs(beside - at) < 0.5)].mean()) for at in np.arange(-16.0, 17.0)]
    front, corners = by_mm[8:25], by_mm[:3] + by_mm[-3:]
    assert max(front) > 1.15 * min(front)
    assert np.mean(corners) < 0.75 * np.mean(front)


def test_lower_teeth_show_only_in_a_wide_mouth(
    engine: Engine, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Painting them black changes nothing in a mouth that is half open, and only the lip's edge in a wide one."""
    warp = engine.warp(portrait)
    _, below = in_mouth(portrait, warp)
    changed = {}
    for millimetres in (8.0, 18.0):
        monkeypatch.setattr(mouth, "LOWER_TEETH_LIGHT", 0.7)
        lit = warp.draw(lips_apart(millimetres))[0].astype(int)
        monkeypatch.setattr(mouth, "LOWER_TEETH_LIGHT", 0.0)
        changed[millimetres] = np.abs(lit - warp.draw(lips_apart(millimetres))[0]) > 10
    assert not changed[8.0].any()
    assert changed[18.0].sum() > 20
    assert below[changed[18.0]].min() > 18.0 - UPPER_RISE_MM - 4.0


@pytest.mark.parametrize("millimetres", [0.0, 5.0, 15.0])
def test_a_greyscale_photo_stays_grey(engine: Engine, hopper: Path, millimetres: float) -> None:
    grey = engine.reader.read(np.asarray(Image.open(hopper).convert("L").convert("RGB")), 1280, 720)
    _, chroma = engine.warp(grey).draw(opening(engine, millimetres))
    assert np.abs(chroma.astype(int) - 128).max() <= 1


def test_a_yellowed_photo_gets_yellowed_teeth(engine: Engine, hopper: Path) -> None:
    grey = np.asarray(Image.open(hopper).convert("L"), dtype=float)[..., None] / 255
    yellowed = (np.array([60.0, 45.0, 30.0]) + grey * np.array([180.0, 165.0, 120.0])).astype(np.uint8)
    part = engine.reader.read(yellowed, 1280, 720)
    warp = engine.warp(part)
    beside, below = in_mouth(part, warp)
    teeth = ((np.abs(beside) < 7) & (below > -1.5) & (below < 0.5))[::2, ::2]
    blue, red = np.median(warp.draw(lips_apart(14.0))[1][teeth], axis=0)
    skin = measure_tones(part).skin
    assert (skin[1] + 128) / 2 + 6 > blue > skin[1] - 2
    assert (skin[2] + 128) / 2 - 6 < red < skin[2] + 2


def test_nothing_outside_the_head_changes(engine: Engine, portrait: Portrait, warp: FaceWarp) -> None:
    """Every plane of the picture equals the still photo there, bit for bit, however wide the mouth."""
    stage = Stage(portrait, warp)
    height, width = portrait.yuv.shape[:2]
    still, moved = (
        Planes(*(np.zeros(size, dtype=np.uint8) for size in ((height, width), *[(height // 2, width // 2)] * 2)))
        for _ in range(2)
    )
    stage.put(warp.draw(opening(engine, 0.0)), 0, still)
    stage.put(warp.draw(opening(engine, 18.0)), 1, moved)
    outside = np.ones((height, width), dtype=bool)
    outside[warp.box.slices] = pictures.outside_head(portrait, warp.box)
    assert outside[warp.box.slices].mean() > 0.05
    assert np.array_equal(moved.y[outside], portrait.yuv[..., 0][outside])
    in_colour = outside.reshape(height // 2, 2, width // 2, 2).all(axis=(1, 3))
    for name in ("u", "v"):
        assert np.array_equal(getattr(moved, name)[in_colour], getattr(still, name)[in_colour])
    assert not np.array_equal(moved.y, still.y)


def test_a_closed_mouth_shows_no_teeth(engine: Engine, smile: Portrait) -> None:
    warp = engine.warp(smile)
    beside, below = in_mouth(smile, warp)
    around = (np.abs(beside) < 20) & (below > -8) & (below < 14)
    luma, _ = warp.draw(np.zeros((4, 64, 64), dtype=np.float32))
    still = smile.yuv[warp.box.slices][..., 0]
    assert (still[around] >= TOOTH_WHITE - 5).mean() > 0.055
    assert (luma[around] >= TOOTH_WHITE - 5).mean() < 0.02
    assert (luma[around] <= HOLLOW_BLACK + 10).mean() < 0.03


def test_an_open_smile_keeps_its_own_teeth(engine: Engine, smile: Portrait) -> None:
    tones = measure_tones(smile)
    own = find_own_teeth(smile, tones.skin, tones.lip, tones.dark)
    assert own is not None
    assert own.length is not None
    middle = len(own.length) // 2
    assert own.length[middle] / smile.px_per_mm == pytest.approx(TEETH_MM, abs=0.8)
    assert own.tone[0] == pytest.approx(TOOTH_WHITE, abs=4)
    warp = engine.warp(smile)
    beside, below = in_mouth(smile, warp)
    front = (np.abs(beside) < 5) & (below > 4) & (below < 5.5)
    under = (np.abs(beside) < 5) & (below > TEETH_MM + 1.5) & (below < TEETH_MM + 2.5)
    luma, _ = warp.draw(opening(engine, 14.0))
    assert np.median(luma[front]) > TOOTH_WHITE - 20
    assert np.median(luma[under]) < TOOTH_WHITE / 2


def test_closed_lips_have_no_teeth_of_their_own_to_find(portrait: Portrait) -> None:
    tones = measure_tones(portrait)
    assert find_own_teeth(portrait, tones.skin, tones.lip, tones.dark) is None


@pytest.mark.parametrize("millimetres", [0.0, 4.0, 8.0])
def test_the_mouth_is_as_sharp_as_the_photo(engine: Engine, portrait: Portrait, millimetres: float) -> None:
    ruler = pictures.Ruler(engine, portrait)
    assert 0.7 < ruler.sharpness(engine.warp(portrait).draw(opening(engine, millimetres))) < 1.3


def test_the_sharpness_of_the_skin_leaves_out_what_shows_between_the_lips(engine: Engine, portrait: Portrait) -> None:
    ruler, warp = pictures.Ruler(engine, portrait), engine.warp(portrait)
    luma, chroma = warp.draw(opening(engine, 8.0))
    between = mouth_shape.between_lips(portrait, warp.box, warp.sources(opening(engine, 8.0)))
    noisy, soft = luma.copy(), cv2.GaussianBlur(luma, (0, 0), 3.0)
    noisy[between] = np.random.default_rng(0).integers(0, 255, int(between.sum()))
    of_skin = ruler.skin_sharpness((luma, chroma), between)
    assert ruler.sharpness((noisy, chroma)) > 2 * ruler.sharpness((luma, chroma))
    assert ruler.skin_sharpness((noisy, chroma), between) == pytest.approx(of_skin)
    assert ruler.skin_sharpness((soft, chroma), between) < 0.5 * of_skin


def test_a_softer_photo_is_found_softer(engine: Engine, hopper: Path, portrait: Portrait) -> None:
    small = Image.open(hopper).resize((170, 200), Image.Resampling.LANCZOS)
    assert blur_px(engine.reader.read(np.asarray(small), 1280, 720)) > 1.5 * blur_px(portrait)


def test_a_turned_head_shows_more_of_the_nearer_row(portrait: Portrait) -> None:
    """Turned, the arch's far side is foreshortened: fewer millimetres of picture show the same teeth."""
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    turned = replace(portrait, to_canvas=portrait.to_canvas._replace(rotation=turn))
    straight = replace(portrait, to_canvas=portrait.to_canvas._replace(rotation=np.eye(3)))
    along = np.array([-10.0, 10.0], dtype=np.float32)
    even, uneven = (see_row(UPPER, one, along).back for one in (straight, turned))
    assert even[0] == pytest.approx(even[1], abs=0.5)
    assert abs(uneven[0] - uneven[1]) > 1.0


def test_teeth_take_their_tone_from_eye_white_and_skin() -> None:
    skin, dark = np.array([100.0, 110.0, 150.0]), np.array([20.0, 128.0, 128.0])
    by_skin = teeth_tone(skin, dark, None)
    bright = teeth_tone(skin, dark, np.array([112.0, 126.0, 134.0]))
    glaring = teeth_tone(skin, dark, np.array([230.0, 128.0, 128.0]))
    shaded = teeth_tone(skin, dark, np.array([40.0, 128.0, 128.0]))
    assert bright[0] == pytest.approx(112)
    assert glaring[0] == pytest.approx(20 + 80 * TEETH_BRIGHTEST)
    assert shaded == pytest.approx(by_skin)
    assert abs(bright[2] - 128) < abs(skin[2] - 128)


def test_the_mouth_under_yellow_varnish_is_as_brown_as_the_shade_of_the_face(
    engine: Engine, portrait: Portrait
) -> None:
    yellow, brown, light = 88, 122, 110
    yuv = portrait.yuv.copy()
    yuv[..., 1] = np.where(yuv[..., 0] > light, yellow, brown)
    yuv[..., 2] = 150
    varnished = replace(portrait, yuv=yuv)
    warp = engine.warp(varnished)
    luma, chroma = warp.draw(opening(engine, 14.0))
    between = mouth_shape.between_lips(varnished, warp.box, warp.sources(opening(engine, 14.0)))
    dark = between & (luma < light - 2 * SHADE_STEP)
    assert dark.sum() > 100
    assert np.median(chroma[..., 0][dark[::2, ::2]]) > brown - 5


def test_what_hangs_behind_the_head_does_not_colour_the_mouth(engine: Engine, portrait: Portrait) -> None:
    hull = cv2.convexHull(portrait.landmarks[:468, :2].astype(np.float32)).round().astype(np.int32)
    face = np.zeros(portrait.yuv.shape[:2], dtype=np.uint8)
    cv2.fillConvexPoly(face, hull, 1)
    yuv = portrait.yuv.copy()
    yuv[face == 0] = (45, 170, 170)
    assert np.array_equal(shades(replace(portrait, yuv=yuv)), shades(portrait))


def test_the_pictures_are_measured_by_a_command(
    toy_package: Path, hopper: Path, speech: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pictures.json"
    arguments = ["--model", str(toy_package), "--photo", str(hopper), "--voice", str(speech), "--json", str(out)]
    assert pictures.main(arguments) == 0
    figures = json.loads(out.read_text())["photos"][hopper.name]
    assert figures["frames"] == 100
    assert figures["change_outside_head"] == 0
    assert 0 < figures["frames_of_speech"] <= 100
    assert 0.6 < figures["sharpness_ratio_median"] < 1.4
    assert 0.6 < figures["skin_sharpness_ratio_median"] < 1.4
    assert 0.5 < figures["teeth_to_skin"] < 1.1
