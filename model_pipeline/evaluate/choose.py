"""Settings chosen inside the training folds: those of one fold by the scores of all others."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

AMPLITUDE = (0.8, 1.2)
"""Lips that move less than people's, or more, are not chosen however well they follow."""


class Trial(NamedTuple):
    """One clip under one setting."""

    r_opening: float
    amplitude_ratio: float


def chosen(trials: Mapping[int, Mapping[str, Sequence[Trial]]], fold: int) -> str:
    """Return the setting that follows best on the clips of the folds other than ``fold``.

    ``trials``: fold -> setting -> a trial for each clip. Settings whose mean amplitude lies outside AMPLITUDE count
    only where all do. With one fold alone there is nothing to choose by: the first setting.
    """
    settings = list(trials[fold])
    others = [number for number in trials if number != fold]
    if not others:
        return settings[0]
    means = {s: np.mean([one for number in others for one in trials[number][s]], axis=0) for s in settings}
    lively = [s for s in settings if AMPLITUDE[0] <= means[s][1] <= AMPLITUDE[1]]
    return max(lively or settings, key=lambda s: float(means[s][0]))
