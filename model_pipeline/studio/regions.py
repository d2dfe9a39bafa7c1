"""Where hair, beard and brows grow: soft masks over the neutral head (mm from between the eyes, y down, z away)."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
HAIRLINE = np.array(
    [
        (-60.0, -62.0),
        (5.0, -60.0),
        (25.0, -48.0),
        (45.0, -25.0),
        (60.0, 5.0),
        (70.0, 12.0),
        (84.0, 14.0),
        (96.0, 40.0),
        (240.0, 62.0),
    ]
)
"""(z, y): hair grows above this line; from the forehead by the temples and over the ears to the nape."""
MOUTH_Y, CHIN_Y = 68.0, 112.0
BEARD_SIDE_X = 74.0
MOUSTACHE_MM = 27.0
BROW = np.array([(10.0, -14.0), (20.0, -18.5), (32.0, -20.5), (42.0, -18.0), (50.0, -12.5)])
"""(|x|, y) along the middle of a brow."""
BROW_HALF_MM = (3.6, 1.6)
"""Half the thickness, inner and outer end."""


def step(value: Floats, low: float, high: float) -> Floats:
    """Rise smoothly from 0 at ``low`` to 1 at ``high`` (either may be the larger)."""
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)


def scalp(place: Floats, soft_mm: float = 6.0) -> Floats:
    """Return 0..1 for positions [...,3]: 1 where hair grows."""
    line = np.interp(place[..., 2], HAIRLINE[:, 0], HAIRLINE[:, 1])
    return step(place[..., 1] - line, soft_mm, -soft_mm)


def beard(place: Floats) -> Floats:
    """Return 0..1 for positions [...,3]: 1 where a full beard grows (the lips are left out elsewhere)."""
    x, y, z = np.abs(place[..., 0]), place[..., 1], place[..., 2]
    cheek = np.interp(x, [0, 26, 40, 55, 74], [88, 76, 62, 46, 16])
    lower = step(y - cheek, -3.0, 6.0) * step(z, 88.0, 70.0) * step(y + 0.35 * np.maximum(z, 0), 146.0, 126.0)
    lip = step(y, 49.0, 53.0) * step(y, 76.0, 70.0) * step(x, MOUSTACHE_MM + 6, MOUSTACHE_MM - 2)
    lip = lip * (1 - 0.75 * step(x, 3.5, 1.0) * step(y, 56.0, 52.0))
    return np.maximum(lower, lip)


def brows(place: Floats) -> tuple[Floats, Floats]:
    """Return 0..1 for positions [...,3] where a brow grows, and the distance along it in mm."""
    x, y, z = np.abs(place[..., 0]), place[..., 1], place[..., 2]
    middle = np.interp(x, BROW[:, 0], BROW[:, 1])
    half = np.interp(x, [BROW[0, 0], BROW[-1, 0]], BROW_HALF_MM)
    inside = step(np.abs(y - middle) / half, 1.25, 0.35)
    return inside * step(x, 7.0, 13.0) * step(x, 54.0, 47.0) * (z < 45), x
