"""Mouths keep a sound shape: nothing folds, and open photos close along one arc, without waves or a hooked corner."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device_agent.engine.loaded import Engine
from device_agent.engine.mouth_shape import closed_line, least_area, steepest_degrees, wave_mm
from device_agent.engine.photo.load import load_photo
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.field import Sources
from device_agent.engine.warp.meeting import meeting_line

STILL = np.zeros((4, 64, 64), dtype=np.float32)
PLACE = np.linspace(-1, 1, 97, dtype=np.float32)
ROOM = 1 - np.square(PLACE)


def waved(portrait: Portrait, wave: float) -> Portrait:
    """The portrait with a mouth that is open by 9 mm and whose upper edge waves by so many mm."""
    lips, unit = portrait.lips, portrait.px_per_mm
    upper = (-3.0 * ROOM + wave * ROOM * np.sin(9 * PLACE)) * unit
    lower = 6.0 * ROOM * unit
    apart = replace(lips, upper=upper.astype(np.float32), lower=lower.astype(np.float32))
    return replace(portrait, lips=apart, rest_opening_mm=9.0)


def test_a_still_face_keeps_its_area_and_its_line(engine: Engine, portrait: Portrait) -> None:
    warp = engine.warp(portrait)
    sources = warp.sources(STILL)
    assert least_area(portrait, warp.box, sources) == pytest.approx(1.0, abs=1e-3)
    line = closed_line(portrait, warp.box, sources)
    assert np.abs(line - portrait.lips.upper / portrait.px_per_mm).max() < 0.2


@pytest.mark.parametrize("millimetres", [6.0, 12.0, 18.0])
def test_wide_mouths_do_not_fold(engine: Engine, portrait: Portrait, millimetres: float) -> None:
    warp = engine.warp(portrait)
    sources = warp.sources(engine.constants.opening_map * np.float32(millimetres))
    assert 0.2 < least_area(portrait, warp.box, sources) < 1.0


def test_a_fold_is_seen(engine: Engine, portrait: Portrait) -> None:
    warp = engine.warp(portrait)
    rows, columns = warp.box.height // 4, warp.box.width // 4
    turned = np.zeros((rows, columns, 2), dtype=np.float32)
    turned[..., 0] = -8.0 * np.arange(columns)
    assert least_area(portrait, warp.box, Sources(turned, turned)) <= 0


@pytest.mark.parametrize("wave", [0.0, 1.2])
def test_an_open_mouth_closes_along_an_arc(engine: Engine, portrait: Portrait, wave: float) -> None:
    opened = waved(portrait, wave)
    warp = engine.warp(opened)
    line = closed_line(opened, warp.box, warp.sources(STILL))
    assert wave_mm(opened, line) < 0.3
    assert steepest_degrees(opened, line) < 25


def test_the_lips_still_meet_where_their_edges_wave(engine: Engine, portrait: Portrait) -> None:
    opened = waved(portrait, 1.2)
    warp = engine.warp(opened)
    upside_down = replace(opened, lips=replace(opened.lips, upper=opened.lips.lower))
    sources = warp.sources(STILL)
    above = closed_line(opened, warp.box, sources)
    below = closed_line(upside_down, warp.box, Sources(sources.lower, sources.lower))
    assert np.abs(above - below)[8:-8].max() < 1.0


@pytest.mark.parametrize("lean", [-6.0, 0.0, 2.0, 6.0])
def test_the_meeting_line_bends_to_one_side_only(lean: float) -> None:
    upper = ROOM * (-3.0 + lean * PLACE)
    line = meeting_line(upper, upper + 4.0 * ROOM, PLACE)
    assert (line[1:-1] <= 1e-5).all() or (line[1:-1] >= -1e-5).all()


def test_the_meeting_line_begins_and_ends_where_the_lips_do() -> None:
    line = meeting_line(ROOM + PLACE, 5 * ROOM + PLACE, PLACE)
    assert line[[0, -1]] == pytest.approx([-1.0, 1.0])


@pytest.mark.shared_data
def test_the_far_corner_of_a_turned_mouth_closes_without_a_hook(engine: Engine, shared_data: Path) -> None:
    painting = engine.reader.read(load_photo(shared_data / "photos" / "painting_pearl_earring.jpg"), 1280, 720)
    warp = engine.warp(painting)
    line = closed_line(painting, warp.box, warp.sources(STILL))
    assert abs(painting.yaw_degrees) > 30
    assert steepest_degrees(painting, line) < 30
    assert wave_mm(painting, line) < 0.6
