"""Settings chosen inside the training folds: those of one fold by the scores of all others."""

from collections.abc import Mapping, Sequence

import numpy as np


def chosen(scores: Mapping[int, Mapping[str, Sequence[float]]], fold: int) -> str:
    """Return the setting whose mean score over the clips of the folds other than ``fold`` is highest.

    ``scores``: fold -> setting -> score of each clip. With one fold alone there is nothing to choose by: the first.
    """
    settings = list(scores[fold])
    others = [number for number in scores if number != fold]
    if not others:
        return settings[0]
    means = {s: float(np.mean([v for number in others for v in scores[number][s]])) for s in settings}
    return max(settings, key=means.__getitem__)
