"""Where the lips of an open photo meet when they close: one arc from corner to corner.

The edges of an open mouth wave with teeth and light; lips that met along them would close with a waved line.
"""

import numpy as np

from device_agent.engine.arrays import Floats

UPPER_WAY = 0.3
"""The upper lip's share of what is left to close; the jaw brings the lower lip."""


def meeting_line(upper: Floats, lower: Floats, place: Floats) -> Floats:
    """Return heights [n] of the arc for edges [n] at ``place`` [n], -1 to 1 from corner to corner.

    Its top may lie aside from the middle, as in a turned face, but it bends to one side only.
    """
    corners = np.interp(place, [-1.0, 1.0], [(upper[0] + lower[0]) / 2, (upper[-1] + lower[-1]) / 2])
    wanted = upper + UPPER_WAY * (lower - upper) - corners
    room = 1.0 - np.square(place)
    (height, lean), *_ = np.linalg.lstsq(np.stack([room, room * place], axis=1), wanted, rcond=None)
    lean = np.clip(lean, -abs(height), abs(height))
    return np.asarray(corners + room * (height + lean * place), dtype=np.float32)
