"""The 68-point face layout (Multi-PIE, Gross et al. 2010; used by 300-W) out of the engine's 478 points.

Which mesh point stands for which of the 68: the nearest one on the ICT-FaceKit head, whose own 68 vertices and whose
mesh-to-vertex map are published (median distance 2.7 mm inside the face); the jaw line takes points of the mesh's
outline, which lies up to 20 mm inside the layout's.
"""

import numpy as np
from numpy.typing import NDArray

_RIGHT_JAW = (127, 234, 132, 58, 172, 150, 149, 148)
_LEFT_JAW = (377, 378, 379, 397, 288, 361, 454, 356)
JAW = (*_RIGHT_JAW, 152, *_LEFT_JAW)
BROWS = (70, 63, 52, 65, 107, 336, 295, 282, 293, 300)
NOSE = (168, 197, 195, 4, 98, 97, 2, 326, 327)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
MOUTH = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178)
LAYOUT = JAW + BROWS + NOSE + EYES + MOUTH
"""Mesh index of each of the 68 points, in the layout's order: from the person's right ear along the jaw."""

STILL = (0, 1, 2, 14, 15, 16, *range(27, 48))
"""Points of the layout that neither speech nor brows move much: temples, nose, eyes."""


def points68(landmarks: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return [...,68,3] of landmarks [...,478,3]."""
    return landmarks[..., list(LAYOUT), :]


def mirror_of(points: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return which of the 478 points lies on the other side, from a canonical face that is symmetric in x."""
    other = points * np.array([-1.0, 1.0, 1.0])
    return np.array([int(np.square(points - place).sum(axis=1).argmin()) for place in other])
