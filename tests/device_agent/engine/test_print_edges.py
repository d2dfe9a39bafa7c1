"""A print photographed on a table is cut out and set upright; a photo that is no such print is left alone."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from device_agent.engine.loaded import Engine
from device_agent.engine.photo.load import load_photo
from device_agent.engine.photo.prepare import CROPPED, Treatment, read_portrait
from device_agent.engine.photo.print_edges import find_print, rectify

CORNERS = {
    "straight": [[300, 120], [900, 120], [900, 820], [300, 820]],
    "tilted": [[330, 90], [940, 180], [850, 860], [250, 770]],
    "from below": [[360, 150], [840, 150], [920, 830], [280, 830]],
}


def on_a_table(hopper: Path, corners: list[list[int]], *, table: tuple[int, int, int], border: int) -> np.ndarray:
    photo = cv2.copyMakeBorder(load_photo(hopper), *[border] * 4, cv2.BORDER_CONSTANT, value=(240, 236, 225))
    rows, columns = photo.shape[:2]
    grain = np.random.default_rng(2).normal(0, 4, (960, 1280, 3))
    scene = np.clip(np.array(table) + grain, 0, 255).astype(np.uint8)
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(source, np.array(corners, dtype=np.float32))
    laid = cv2.warpPerspective(photo, matrix, (1280, 960), flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.ones((rows, columns), np.uint8), matrix, (1280, 960)) > 0
    scene[mask] = laid[mask]
    return scene


@pytest.mark.parametrize("place", CORNERS)
@pytest.mark.parametrize("table", [(92, 64, 44), (30, 30, 34)])
def test_a_print_on_a_table_is_found(hopper: Path, place: str, table: tuple[int, int, int]) -> None:
    found = find_print(on_a_table(hopper, CORNERS[place], table=table, border=24))
    assert found is not None
    assert np.abs(found - np.array(CORNERS[place])).max() < 8


def test_the_rectified_print_is_upright_and_has_its_own_shape(engine: Engine, hopper: Path) -> None:
    scene = on_a_table(hopper, CORNERS["tilted"], table=(92, 64, 44), border=0)
    found = find_print(scene)
    assert found is not None
    upright = rectify(scene, found)
    assert upright.shape[1] / upright.shape[0] == pytest.approx(512 / 600, rel=0.08)
    portrait = engine.reader.read(upright, 1280, 720)
    assert abs(np.degrees(np.arctan2(portrait.lips.axis[1], portrait.lips.axis[0]))) < 4


def test_a_person_can_keep_the_picture_as_it_is(engine: Engine, hopper: Path, tmp_path: Path) -> None:
    scene = on_a_table(hopper, CORNERS["tilted"], table=(92, 64, 44), border=24)
    Image.fromarray(scene).save(tmp_path / "table.png")
    auto, kept = (
        read_portrait(engine.reader, tmp_path / "table.png", 1280, 720, Treatment(crop=crop))
        for crop in (True, False)
    )
    assert CROPPED in auto.warnings
    assert CROPPED not in kept.warnings
    assert auto.px_per_mm > kept.px_per_mm


def test_a_frame_without_a_face_does_not_hide_the_face_beside_it(
    engine: Engine, hopper: Path, tmp_path: Path
) -> None:
    scene = np.full((900, 1500, 3), (92, 64, 44), dtype=np.uint8)
    scene[100:800, 60:860] = (235, 235, 230)
    scene[150:750, 930:1442] = load_photo(hopper)
    Image.fromarray(scene).save(tmp_path / "wall.png")
    assert read_portrait(engine.reader, tmp_path / "wall.png", 1280, 720, Treatment()).faces == 1


def test_an_ordinary_photo_is_left_alone(hopper: Path) -> None:
    assert find_print(load_photo(hopper)) is None


def test_a_wall_without_a_print_is_left_alone() -> None:
    noise = np.random.default_rng(3).normal(120, 25, (700, 900, 3)).clip(0, 255).astype(np.uint8)
    assert find_print(noise) is None
    assert find_print(np.full((700, 900, 3), 128, dtype=np.uint8)) is None


def test_a_picture_on_the_wall_behind_somebody_is_not_the_print(hopper: Path) -> None:
    """Small rectangles in the photo are part of it."""
    photo = load_photo(hopper).copy()
    cv2.rectangle(photo, (20, 20), (160, 140), (20, 20, 20), 6)
    assert find_print(photo) is None


@pytest.mark.shared_data
def test_free_portraits_are_left_alone(shared_data: Path) -> None:
    photos = sorted((shared_data / "photos").glob("*.[jp][pn]g"))
    assert photos
    assert [photo.name for photo in photos if find_print(load_photo(photo)) is not None] == []
