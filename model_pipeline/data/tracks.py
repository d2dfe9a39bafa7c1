"""Real face tracks: landmarks of speaking people in mm, on the clock of their own sound.

The traps that this loader settles: each clip's own lag between sound and picture, frame rates other than 25, frame
counts that rounding loses, head motion (3D similarity of every frame to the first), and scale (63 mm between irises).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from device_agent.engine.features import SAMPLE_RATE, VIDEO_FPS
from model_pipeline.errors import DataMissing

Floats = NDArray[np.float32]
CLOSED_SHARE = 0.08
"""Share of a speaker's frames, those with the smallest opening, whose mean is taken as the closed mouth."""


@dataclass(frozen=True)
class Track:
    """One clip. Frame t of ``points`` belongs to second t/25 of ``audio``: the clip's lag is already taken out."""

    id: str
    speaker: str
    transcript: str
    audio: Floats
    """16 kHz mono, -1..1."""
    points: Floats
    """[T,478,3] mm, head motion removed against the first frame."""


def load_tracks(data: Path) -> list[Track]:
    """Load every clip of ``data``/tracks, sorted by id."""
    paths = sorted((data / "tracks").glob("*.npz"))
    if not paths:
        raise DataMissing(f"{data / 'tracks'} holds no *.npz; name the folder of the shared data with --data DIR")
    return [load_track(path) for path in paths]


def trusted_lags(data: Path) -> set[str]:
    """Return the ids of clips whose own lag was measured, or assumed with nothing against it (tracks.csv)."""
    with (data / "tracks" / "tracks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["id"] for row in rows if not any(doubt in row["av_lag_basis"] for doubt in _DOUBTS)}


_DOUBTS = ("weak", "no clear peak")


def load_track(path: Path) -> Track:
    """Load one clip."""
    with np.load(path) as packed:
        fields = {name: packed[name] for name in packed.files}
    landmarks = fields["landmarks"].astype(np.float64) * float(fields["landmark_scale"])
    landmarks = _at_25_fps(landmarks, fields["pts"], fields["ok"])
    audio = fields["audio"].astype(np.float32) / 32768.0
    delay = float(fields["av_lag_seconds"]) - float(fields["audio_start"])
    return Track(
        id=str(fields["id"]),
        speaker=str(fields["speaker"]),
        transcript=str(fields["transcript"]),
        audio=_shifted(audio, round(delay * SAMPLE_RATE), landmarks.shape[0]),
        points=still_head(landmarks),
    )


def _at_25_fps(
    landmarks: NDArray[np.float64], pts: NDArray[np.float64], ok: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Resample [T,478,3] to frames at t/25 s by linear interpolation between good frames."""
    frames = round(float(pts[-1]) * VIDEO_FPS) + 1
    times = np.arange(frames) / VIDEO_FPS
    good = landmarks[ok].reshape(int(ok.sum()), -1)
    source = pts[ok]
    after = np.clip(np.searchsorted(source, times), 1, source.size - 1)
    span = source[after] - source[after - 1]
    share = np.clip((times - source[after - 1]) / span, 0.0, 1.0)[:, None]
    mixed = good[after - 1] * (1 - share) + good[after] * share
    return mixed.reshape(frames, *landmarks.shape[1:])


def _shifted(audio: Floats, samples: int, frames: int) -> Floats:
    """Return the sound that starts ``samples`` later, silence where there is none, as long as the picture."""
    length = frames * SAMPLE_RATE // VIDEO_FPS
    out = np.zeros(length, dtype=np.float32)
    low, high = max(0, samples), min(audio.size, samples + length)
    out[low - samples : high - samples] = audio[low:high]
    return out


def still_head(landmarks: NDArray[np.float64]) -> Floats:
    """Return [T,478,3] in mm of the first frame, every frame aligned to it on the upper face."""
    scale = canonical.to_mm(landmarks[0])
    return np.stack([scale.apply(canonical.align(f, landmarks[0]).apply(f)) for f in landmarks]).astype(np.float32)


def closed_mouth(frames: Floats) -> Floats:
    """Estimate a speaker's closed mouth [478,3] from aligned frames [T,478,3]."""
    gap = canonical.opening(frames)
    count = max(3, round(CLOSED_SHARE * gap.size))
    closed: Floats = frames[np.argsort(gap)[:count]].mean(axis=0)
    return closed


def by_speaker(tracks: list[Track]) -> dict[str, list[Track]]:
    """Group clips by speaker, in a fixed order."""
    groups: dict[str, list[Track]] = {}
    for track in sorted(tracks, key=lambda item: item.id):
        groups.setdefault(track.speaker, []).append(track)
    return groups
