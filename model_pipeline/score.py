"""How near predicted lips come to real ones: pure functions of lip points in mm.

Lag taken out, 3D similarity of every frame to the first, 63 mm between the irises.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.data.tracks import Track

Floats = NDArray[np.floating]
LIPS = list(canonical.LIPS)
_POSITION = {index: place for place, index in enumerate(LIPS)}
MAX_LAG = 8
FPS = 25


@dataclass(frozen=True)
class Score:
    """Figures of one clip."""

    r_opening: float
    r_width: float
    mpjpe_centred_mm: float
    mpjpe_mm: float
    amplitude_ratio: float
    lag_frames: float
    jitter_mm: float
    """Mean |second difference| of the opening, mm per frame^2."""
    jitter_ratio: float
    """The same over the real clip's."""


def lips_of_maps(track: Track, maps: Floats, points: Floats, opening_map: Floats) -> Floats:
    """Return predicted lip points [F,40,3] in the space of the track, whose first frame is the photo."""
    photo = track.points[0].astype(np.float64)
    turn = canonical.align(photo, points)
    rest = float(canonical.opening(photo))
    moved = np.stack([canonical.displaced_lips(m - rest * opening_map, points) for m in maps])
    deep = np.concatenate([moved, np.zeros((*moved.shape[:2], 1))], axis=2)
    return photo[LIPS][None] + deep @ turn.rotation / turn.scale


def truth(track: Track) -> Floats:
    """Return the real lip points [F,40,3]."""
    return track.points[:, LIPS].astype(np.float64)


def gap(lips: Floats) -> Floats:
    """Opening [F] of lip points, mm."""
    upper, lower = _POSITION[canonical.UPPER_LIP_CENTRE], _POSITION[canonical.LOWER_LIP_CENTRE]
    return np.linalg.norm(lips[:, upper] - lips[:, lower], axis=1)


def signed_gap(lips: Floats) -> Floats:
    """Vertical opening [F], negative where the lips would cross."""
    upper, lower = _POSITION[canonical.UPPER_LIP_CENTRE], _POSITION[canonical.LOWER_LIP_CENTRE]
    return lips[:, lower, 1] - lips[:, upper, 1]


def span(lips: Floats) -> Floats:
    """Width [F] of lip points, mm."""
    right, left = _POSITION[canonical.RIGHT_CORNER], _POSITION[canonical.LEFT_CORNER]
    return np.linalg.norm(lips[:, right] - lips[:, left], axis=1)


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's r; 0 where one of them stands still."""
    if a.std() < 1e-6 or b.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def lag(predicted: Floats, real: Floats) -> float:
    """Shift of ``predicted`` (frames, + = late) where it correlates best with ``real``; nan when it stands still."""
    if predicted.std() < 1e-6:
        return float("nan")
    shifts = range(-MAX_LAG, MAX_LAG + 1)
    size = real.size
    values = [
        correlation(predicted[max(0, s) : size + min(0, s)], real[max(0, -s) : size - max(0, s)]) for s in shifts
    ]
    return float(shifts[int(np.argmax(values))])


def score(predicted: Floats, real: Floats) -> Score:
    """Compare lip points [F,40,3] with the real ones."""
    frames = min(len(predicted), len(real))
    predicted, real = predicted[:frames], real[:frames]
    flat, true = predicted[..., :2], real[..., :2]
    centred = (flat - flat.mean(axis=0)) - (true - true.mean(axis=0))
    opening, real_opening = gap(predicted), gap(real)
    shake, real_shake = (np.abs(np.diff(x, n=2)).mean() for x in (opening, real_opening))
    return Score(
        r_opening=correlation(opening, real_opening),
        r_width=correlation(span(predicted), span(real)),
        mpjpe_centred_mm=float(np.linalg.norm(centred, axis=-1).mean()),
        mpjpe_mm=float(np.linalg.norm(flat - true, axis=-1).mean()),
        amplitude_ratio=float(opening.std() / max(real_opening.std(), 1e-6)),
        lag_frames=lag(opening, real_opening),
        jitter_mm=float(shake),
        jitter_ratio=float(shake / max(real_shake, 1e-6)),
    )


def mean_score(scores: list[Score]) -> dict[str, float]:
    """Mean over clips of every figure; the lag is the median, and standing still has none."""
    means = {name: float(np.mean([getattr(s, name) for s in scores])) for name in Score.__dataclass_fields__}
    lags = [s.lag_frames for s in scores if not np.isnan(s.lag_frames)]
    return {**means, "lag_frames": float(np.median(lags)) if lags else float("nan")}
