"""Smooth random textures, tiled and seeded, looked up at any coordinates."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
SIDE = 256
"""Cells of a tile; a cell is one unit of the coordinates."""
_TILE_SEED = 7


@cache
def _tile(sharp: bool) -> Floats:
    """Return a tile [SIDE,SIDE] of mean 0 and standard deviation 1 that continues at its borders."""
    white = np.random.default_rng(_TILE_SEED + sharp).normal(size=(SIDE, SIDE)).astype(np.float32)
    wide = np.tile(white, (3, 3))
    soft = cv2.GaussianBlur(wide, (0, 0), 0.5 if sharp else 0.9)[SIDE : 2 * SIDE, SIDE : 2 * SIDE]
    return np.asarray((soft - soft.mean()) / soft.std(), dtype=np.float32)


def noise(u: Floats, v: Floats, *, sharp: bool = False) -> Floats:
    """Return noise of standard deviation 1 at coordinates of any equal shape, smooth over about one unit."""
    flat_u, flat_v = np.ravel(u) % SIDE, np.ravel(v) % SIDE
    rows = 4096
    count = -(-flat_u.size // rows)
    pad = count * rows - flat_u.size
    place_u = np.pad(flat_u, (0, pad)).astype(np.float32).reshape(count, rows)
    place_v = np.pad(flat_v, (0, pad)).astype(np.float32).reshape(count, rows)
    found = cv2.remap(_tile(sharp), place_u, place_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(found.ravel()[: flat_u.size].reshape(np.shape(u)), dtype=np.float32)


def layered(u: Floats, v: Floats, layers: int) -> Floats:
    """Return noise summed over ``layers`` octaves, each twice as fine and half as strong."""
    total = np.zeros(np.shape(u), dtype=np.float32)
    for layer in range(layers):
        total += noise(u * 2**layer + 17 * layer, v * 2**layer + 31 * layer) / 2**layer
    return total
