"""How a head speaks: lip opening and width in mm -> facial actions, whose lip points are exact.

Three mixtures of facial actions do it: one opens (jaw and lips together), one spreads the corners, one rounds them.
How far each must go is found for the head itself, so that its lips are as far apart and as wide as asked.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.studio.head import Head

Floats = NDArray[np.float64]
OPEN = {
    "jawOpen": 1.0, "mouthLowerDownLeft": 0.5, "mouthLowerDownRight": 0.5, "mouthUpperUpLeft": 0.25,
    "mouthUpperUpRight": 0.25,
}  # fmt: skip
WIDE = {"mouthSmileLeft": 0.35, "mouthSmileRight": 0.35, "mouthStretchLeft": 0.8, "mouthStretchRight": 0.8}
ROUND = {"mouthPucker": 0.7, "mouthFunnel": 0.5}
RIGHT_CORNER, LEFT_CORNER = (canonical.LIPS.index(i) for i in (canonical.RIGHT_CORNER, canonical.LEFT_CORNER))
UPPER, LOWER = (canonical.LIPS.index(i) for i in (canonical.UPPER_LIP_CENTRE, canonical.LOWER_LIP_CENTRE))
STEPS = 12
LOW, HIGH = np.array([-0.15, -1.4]), np.array([1.0, 1.4])
"""Bounds of how far the mixtures go: a little below 0 makes up for what spreading and rounding open."""
PROBE = 0.02


@dataclass(frozen=True)
class Rig:
    """The mixtures of one head."""

    head: Head
    mixtures: Floats
    """[3,52]: open, wide, round."""

    def shares(self, amounts: Floats) -> Floats:
        """Return facial actions [T,52] of amounts [T,2]: opening, and spreading (+) or rounding (-)."""
        sides = np.stack([amounts[:, 0], np.maximum(amounts[:, 1], 0), np.maximum(-amounts[:, 1], 0)], axis=1)
        found: Floats = sides @ self.mixtures
        return found

    def speak(self, lips: Floats) -> Floats:
        """Return facial actions [T,52] for opening and width [T,2] in mm against the closed mouth."""
        rest = measures(self.head.lips_at_rest[None])[0]
        wanted = rest + lips
        amounts = np.stack([lips[:, 0] / 25.0, lips[:, 1] / 8.0], axis=1)
        for _ in range(STEPS):
            here = self._measured(amounts)
            by_open = (self._measured(amounts + np.array([PROBE, 0])) - here) / PROBE
            by_width = (self._measured(amounts + np.array([0, PROBE])) - here) / PROBE
            slope = np.stack([by_open, by_width], axis=2) + 1e-3 * np.eye(2)
            step = np.linalg.solve(slope, (wanted - here)[..., None])[..., 0]
            amounts = np.clip(amounts + np.clip(step, -0.3, 0.3), LOW, HIGH)
        return self.shares(amounts)

    def _measured(self, amounts: Floats) -> Floats:
        return measures(self.head.lips(self.shares(amounts)))


def make_rig(head: Head) -> Rig:
    """Return the rig of a head."""
    mixtures = [[mix.get(name, 0.0) for name in head.asset.unit_names] for mix in (OPEN, WIDE, ROUND)]
    return Rig(head, np.array(mixtures))


def measures(lips: Floats) -> Floats:
    """Return opening and width [T,2] in mm of lip points [T,40,3]; the opening is negative where lips cross."""
    apart = lips[:, LOWER] - lips[:, UPPER]
    gap = np.linalg.norm(apart, axis=1) * np.where(apart[:, 1] < 0, -1.0, 1.0)
    return np.stack([gap, np.linalg.norm(lips[:, LEFT_CORNER] - lips[:, RIGHT_CORNER], axis=1)], axis=1)


def actions(head: Head, shares: Floats) -> dict[str, float]:
    """Return facial actions [52] by name."""
    return {name: float(share) for name, share in zip(head.asset.unit_names, shares, strict=True) if share != 0}
