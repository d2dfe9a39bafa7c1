"""How high the tip of the tongue stands, by rule: phonemes with times -> 0..1 at 25 fps.

The same dominance functions as for the lips (``visemes``). Heights and strengths are ours, in the order in which
phonetics ranks them: the tip touches teeth or ridge in TH, L, T, D and N, nearly so in S, is low in open vowels, and
does nothing of its own in P, B, M, F, V and H, where the neighbours' tongue shows (Ladefoged and Johnson, A Course
in Phonetics; on resistance to neighbours: Recasens et al., JASA 102(1), 1997).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from device_agent.engine.features import VIDEO_FPS
from model_pipeline.data.visemes import Pull, Viseme, dominance


class Tip(NamedTuple):
    """What a sound asks of the tip."""

    height: float
    """0 low, behind the lower teeth; 1 at the upper teeth."""
    strength: float
    reach: float = 0.030
    """Seconds, as in ``visemes.Target``."""


TIPS = {
    Viseme.SILENCE: Tip(0.2, 0.8),
    Viseme.BILABIAL: Tip(0.3, 0.2),
    Viseme.LABIODENTAL: Tip(0.3, 0.2),
    Viseme.DENTAL: Tip(1.0, 5.0),
    Viseme.ALVEOLAR: Tip(0.8, 4.0),
    Viseme.LATERAL: Tip(1.0, 5.0),
    Viseme.SIBILANT: Tip(0.55, 3.0),
    Viseme.POSTALVEOLAR: Tip(0.5, 3.0),
    Viseme.VELAR: Tip(0.2, 0.8),
    Viseme.GLOTTAL: Tip(0.2, 0.2),
    Viseme.RHOTIC: Tip(0.45, 1.5),
    Viseme.GLIDE_W: Tip(0.1, 0.8),
    Viseme.GLIDE_J: Tip(0.4, 1.5),
    Viseme.OPEN: Tip(0.0, 1.0),
    Viseme.CENTRAL: Tip(0.2, 0.7),
    Viseme.MID_FRONT: Tip(0.2, 1.0),
    Viseme.CLOSE_FRONT: Tip(0.4, 1.0),
    Viseme.MID_BACK: Tip(0.05, 1.0),
    Viseme.CLOSE_BACK: Tip(0.1, 1.0),
    Viseme.FRONT_ROUNDED: Tip(0.3, 1.0),
}
RAISED = frozenset({Viseme.DENTAL, Viseme.LATERAL})
"""L and TH: the tip is seen at the upper teeth."""
LEAD_S = 0.015


def tips(items: Sequence[Pull], frames: int) -> NDArray[np.float32]:
    """Return the height [frames] of the tip at t/25 s; that of silence where nothing is said."""
    if not items:
        return np.full(frames, TIPS[Viseme.SILENCE].height, dtype=np.float32)
    weight = dominance(items, np.arange(frames) / VIDEO_FPS, TIPS, LEAD_S)
    heights = np.array([TIPS[pull.viseme].height for pull in items])
    return ((weight @ heights) / weight.sum(axis=1)).astype(np.float32)
