"""The repair changes what is drawn between the lips, by no more than its limit, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from device_agent.engine.compose import to_yuv
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.stopwatch import Stopwatch
from device_agent.engine.warp.face import FaceWarp
from device_agent.engine.warp.grid import Box
from device_agent.engine.warp.repair import CHANGE_LIMIT, Measure, MouthRepair, Network

OPEN_MM = 12.0
MUCH = 9.0


def always(value: float) -> Network:
    return lambda mouth: np.full((1, 3, *mouth.shape[2:]), value, dtype=np.float32)


def drawn(engine: Engine, portrait: Portrait, network: Network | None, millimetres: float) -> tuple[np.ndarray, ...]:
    constants = engine.constants
    repair = None if network is None else MouthRepair(network, portrait, Stopwatch())
    warp = FaceWarp(portrait, constants.points, constants.extent, constants.opening_map, repair=repair)
    return warp.draw(constants.opening_map * np.float32(millimetres))


def hollow(engine: Engine, portrait: Portrait) -> np.ndarray:
    """Return the cover of the hollow in the face box."""
    caught = []

    class Catch:
        def mend(self, picture: np.ndarray, hollow: np.ndarray, box: Box) -> np.ndarray:
            caught.append((hollow, box))
            return picture

    constants = engine.constants
    warp = FaceWarp(portrait, constants.points, constants.extent, constants.opening_map, repair=Catch())
    luma, _ = warp.draw(constants.opening_map * np.float32(OPEN_MM))
    cover = np.zeros(luma.shape, dtype=np.float32)
    ((part, box),) = caught
    cover[box.within(warp.box).slices] = part
    return cover


def test_a_package_without_the_graph_draws_the_mouth_as_it_is(engine: Engine, portrait: Portrait) -> None:
    expected = drawn(engine, portrait, None, OPEN_MM)
    came = engine.warp(portrait).draw(engine.constants.opening_map * np.float32(OPEN_MM))
    assert all(np.array_equal(a, b) for a, b in zip(came, expected, strict=True))


def test_a_network_that_asks_for_nothing_changes_nothing(engine: Engine, portrait: Portrait) -> None:
    for came, expected in zip(
        drawn(engine, portrait, always(0.0), OPEN_MM), drawn(engine, portrait, None, OPEN_MM), strict=True
    ):
        assert np.array_equal(came, expected)


@pytest.mark.parametrize("asked", [MUCH, -MUCH])
def test_whatever_the_network_asks_only_the_hollow_changes_and_only_so_far(
    engine: Engine, portrait: Portrait, asked: float
) -> None:
    cover, before = hollow(engine, portrait), drawn(engine, portrait, None, OPEN_MM)[0].astype(int)
    change = drawn(engine, portrait, always(asked), OPEN_MM)[0].astype(int) - before
    limit = float(CHANGE_LIMIT[0] * Measure(portrait).reach[0])
    assert np.all(change[cover == 0] == 0)
    assert np.abs(change).max() <= limit + 1
    inside = change[(cover > 0.99) & (before > limit) & (before < 250 - limit)]
    assert np.allclose(inside, np.sign(asked) * limit, atol=1)


def test_the_network_sees_the_inside_of_the_mouth_alone(engine: Engine, portrait: Portrait) -> None:
    seen = []

    def keep(mouth: np.ndarray) -> np.ndarray:
        seen.append(mouth)
        return np.zeros((1, 3, *mouth.shape[2:]), dtype=np.float32)

    drawn(engine, portrait, keep, OPEN_MM)
    (mouth,) = seen
    assert mouth.shape == (1, 4, 48, 64)
    assert 50 < mouth[0, 3].sum() < 1000
    assert np.all(mouth[0, :3, mouth[0, 3] == 0] == 0)


def test_lips_that_touch_are_not_looked_at(engine: Engine, portrait: Portrait) -> None:
    def refuse(mouth: np.ndarray) -> np.ndarray:
        raise AssertionError("asked about a closed mouth")

    drawn(engine, portrait, refuse, -1.0)


def test_a_grey_photo_stays_grey(engine: Engine, portrait: Portrait) -> None:
    pixels = np.repeat(portrait.canvas.pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    grey = replace(portrait, yuv=to_yuv(pixels))
    _, chroma = drawn(engine, grey, always(MUCH), OPEN_MM)
    assert np.abs(chroma.astype(int) - 128).max() <= 1
