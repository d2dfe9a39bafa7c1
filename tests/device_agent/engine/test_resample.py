"""What moves by parts of a pixel keeps its detail, and what does not move is not touched."""

import cv2
import numpy as np

from device_agent.engine.warp.grid import Box, NodeGrid
from device_agent.engine.warp.resample import Resampler

SIZE = 96
GRAIN = np.random.default_rng(3).normal(128, 20, (SIZE, SIZE)).clip(16, 235).astype(np.uint8)


def moved(by: float, *, fine: bool) -> np.ndarray:
    photo = Resampler(GRAIN, np.full((SIZE // 2, SIZE // 2, 2), 128, np.uint8), fine=fine)
    grid = NodeGrid(Box(0, 0, SIZE, SIZE))
    luma, chroma = photo.luma.copy(), photo.chroma.copy()
    photo.draw(grid, np.full_like(grid.nodes, by), np.ones(grid.nodes.shape[:2], dtype=bool), luma, chroma)
    return luma[8:-8, 8:-8]


def edges(picture: np.ndarray) -> float:
    return float(cv2.Laplacian(picture, cv2.CV_32F).var())


def test_grain_survives_half_a_pixel() -> None:
    own = edges(GRAIN[8:-8, 8:-8])
    assert edges(moved(0.25, fine=True)) > 0.7 * own
    assert edges(moved(0.5, fine=True)) > 0.4 * own > 4 * edges(moved(0.5, fine=False))


def test_what_does_not_move_stays_bit_for_bit() -> None:
    for fine in (True, False):
        assert np.array_equal(moved(0.0, fine=fine), GRAIN[8:-8, 8:-8])


def test_a_whole_pixel_is_the_neighbour() -> None:
    assert np.abs(moved(1.0, fine=True).astype(int) - GRAIN[9:-7, 9:-7]).max() <= 1
