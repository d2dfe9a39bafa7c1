"""How motion flows from frame to frame, and how much of the codebook it uses: pure functions of codes.

The maker's "adjacent frames' tokens keep an inner-product similarity > 0.93" depends on the mean, which most of a
token is: it is printed uncentred, under that name, beside the centred one of real, encoded motion.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def similarity(codes: Floats, *, centred: bool) -> float:
    """Mean cosine of adjacent frames of codes [F,T,K]; the clip's mean taken out when ``centred``."""
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    if centred:
        flat = flat - flat.mean(axis=0)
    lengths = np.linalg.norm(flat, axis=1)
    return float(((flat[:-1] * flat[1:]).sum(axis=1) / (lengths[:-1] * lengths[1:]).clip(1e-9)).mean())


def codebook_use(tokens: NDArray[np.integer], size: int) -> tuple[float, float]:
    """Return the share of ``size`` codes that occur among ``tokens``, and their perplexity (exp of the entropy)."""
    counts = np.bincount(tokens.reshape(-1), minlength=size)
    chances = counts[counts > 0] / counts.sum()
    return float((counts > 0).mean()), float(np.exp(-(chances * np.log(chances)).sum()))
