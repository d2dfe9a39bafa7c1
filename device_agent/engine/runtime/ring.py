"""The transformer's memory of the last frames: keys and values in a ring, one slot for each token."""

import numpy as np

from device_agent.engine.arrays import Floats
from frame_protocol.model_package import GraphShape

EMPTY = -1e4
"""Added to the score of a slot that holds nothing yet."""


class Ring:
    """Cache of ``context_frames`` frames of 1 + T tokens; frame t overwrites frame t - context_frames."""

    def __init__(self, shape: GraphShape) -> None:
        self._frames = shape.context_frames
        self._tokens = 1 + shape.tokens_per_frame
        slots = self._frames * self._tokens
        size = (shape.layers * shape.heads, shape.head_dim, 1, slots)
        self.keys: Floats = np.zeros(size, dtype=np.float32)
        self.values: Floats = np.zeros(size, dtype=np.float32)
        self.mask: Floats = np.full((1, 1, 1, slots), EMPTY, dtype=np.float32)

    def store(self, frame: int, keys: Floats, values: Floats) -> None:
        """Write the new keys and values [L*H,dh,1,1+T] of ``frame``."""
        begin = frame % self._frames * self._tokens
        slots = slice(begin, begin + self._tokens)
        self.keys[..., slots], self.values[..., slots], self.mask[..., slots] = keys, values, 0.0
