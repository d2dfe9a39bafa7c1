"""Chance that repeats: the same clip and stage draw the same numbers, on every machine and in every run."""

import hashlib

import numpy as np


def dice_of(stage: str, clip: str, seed: int) -> np.random.Generator:
    """Return the dice of a stage for a clip."""
    digest = hashlib.sha256(f"{seed}/{stage}/{clip}".encode()).digest()
    return np.random.default_rng(list(digest))
