"""What the mouth does in one frame: lips and jaw as a map, the tongue as one number."""

from dataclasses import dataclass

import numpy as np

from device_agent.engine.arrays import Floats


@dataclass(frozen=True)
class Gesture:
    """An articulatory gesture of one frame."""

    motion: Floats
    """[channels,64,64] mm from the closed mouth."""
    tongue: float | None = None
    """Height of its tip, from 0, low in an open vowel, to 1, at the upper teeth in L and TH; None: nobody knows."""

    def eased(self, share: float) -> "Gesture":
        """Return the gesture with lips and jaw moved by that share alone."""
        return Gesture(self.motion * np.float32(share), self.tongue)
