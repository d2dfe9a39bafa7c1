"""ST-RoPE: rotary position over frame index and token index (RoFormer, arXiv 2104.09864, split in two).

The first half of each head is turned by the frame index, the second half by the token index within the frame.
Inside a half, channel i and channel i + half/2 are one plane. Scores between rotated queries and keys depend on
differences of the indices alone, so a stream of any length stays where the training was.
"""

import numpy as np
from numpy.typing import NDArray

FRAME_BASE = 200.0
"""Slowest plane of the frame half turns once in about 2 pi * 200 frames."""
TOKEN_BASE = 20.0

Floats = NDArray[np.float32]


def _angles(positions: NDArray[np.float64], channels: int, base: float) -> NDArray[np.float64]:
    """Angles [channels, positions]; both channels of a plane share theirs."""
    planes = channels // 2
    speed = base ** (-np.arange(planes) / planes)
    angle = speed[:, None] * positions[None, :]
    return np.concatenate([angle, angle], axis=0)


def tables(frame: int, tokens: int, head_dim: int) -> tuple[Floats, Floats]:
    """Return cos and sin [1, head_dim, 1, tokens] for the tokens [audio, visual 1..] of one frame."""
    half = head_dim // 2
    by_frame = _angles(np.full(tokens, float(frame)), half, FRAME_BASE)
    by_token = _angles(np.arange(tokens, dtype=np.float64), half, TOKEN_BASE)
    angle = np.concatenate([by_frame, by_token], axis=0)[None, :, None, :]
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
