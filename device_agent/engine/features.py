"""Speech features: 16 kHz mono -> 80 log-mel values, four columns of 10 ms for each video frame of 1/25 s.

The laboratory trains on exactly this code. The four columns of video frame t are centred on t/25 s, so a token
sees the sound of its own picture. Numpy only.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
VIDEO_FPS = 25
MELS = 80
MEL_PER_FRAME = 4
"""Mel columns for each video frame."""

_HOP = SAMPLE_RATE // (VIDEO_FPS * MEL_PER_FRAME)
_FRAME = _HOP * MEL_PER_FRAME
_WINDOW = 400
_FFT = 512
_LEFT = _WINDOW // 2 + (MEL_PER_FRAME - 1) * _HOP // 2
"""Samples that the first window reaches before sample 0."""
_LOW_HZ, _HIGH_HZ = 60.0, 7600.0
_FLOOR = 1e-5
_MEAN, _SPREAD = -6.0, 3.6
"""Fixed affine: ln power of levelled speech lies around -6 with a spread of about 3.6."""
SILENCE = float((np.log(_FLOOR) - _MEAN) / _SPREAD)
"""Feature value of digital silence; also what lies before and after a recording."""

_TARGET_RMS = 0.1
_MAX_GAIN = 40.0
_QUIET_RMS = 3e-4
"""Below this (-70 dBFS) a recording counts as silent and is not raised."""

Floats = NDArray[np.float32]


@cache
def _mel_filters() -> Floats:
    """Triangular filters [MELS, _FFT/2+1], evenly spaced on the mel scale."""

    def mel(hz: float) -> float:
        return float(2595.0 * np.log10(1.0 + hz / 700.0))

    edges = 700.0 * (10.0 ** (np.linspace(mel(_LOW_HZ), mel(_HIGH_HZ), MELS + 2) / 2595.0) - 1.0)
    bins = np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT
    rise = (bins[None, :] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins[None, :]) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0.0, np.minimum(rise, fall))
    even: Floats = (filters / np.maximum(filters.sum(axis=1, keepdims=True), 1e-6)).astype(np.float32)
    return even


def frame_count(samples: int) -> int:
    """Return how many video frames a recording of so many samples fills."""
    return -(-samples // _FRAME)


def speech_gain(audio: Floats) -> float:
    """Return the factor that brings the loud fifth of a recording to a fixed level; 1 for silence.

    Levels differ by a factor of ten between recordings; the features take the levelled sound.
    """
    blocks = (
        audio[: audio.size // _FRAME * _FRAME].reshape(-1, _FRAME) if audio.size >= _FRAME else audio.reshape(1, -1)
    )
    if blocks.size == 0:
        return 1.0
    rms = np.sqrt(np.mean(np.square(blocks, dtype=np.float64), axis=1))
    loud = float(np.mean(np.sort(rms)[-max(1, rms.size // 5) :]))
    return 1.0 if loud < _QUIET_RMS else min(_TARGET_RMS / loud, _MAX_GAIN)


def log_mel(audio: Floats, gain: float | None = None) -> Floats:
    """Return the features [MELS, MEL_PER_FRAME * frame_count] of a recording in -1..1.

    ``gain`` is that of the whole recording where ``audio`` is a piece of it; by default it is measured.
    """
    frames = frame_count(audio.size)
    gain = speech_gain(audio) if gain is None else gain
    columns = frames * MEL_PER_FRAME
    padded = np.zeros((columns - 1) * _HOP + _WINDOW + _LEFT, dtype=np.float32) if frames else np.zeros(0, np.float32)
    if not frames:
        return np.zeros((MELS, 0), dtype=np.float32)
    room = padded[_LEFT : _LEFT + audio.size]
    room[:] = audio[: room.size] * np.float32(gain)
    return _features(padded, columns)


def _features(padded: Floats, columns: int) -> Floats:
    """Features of ``columns`` windows that start every _HOP samples; a thousand at a time, so memory stays flat."""
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    out = np.empty((MELS, columns), dtype=np.float32)
    views = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    for start in range(0, columns, 1000):
        block = views[start : min(start + 1000, columns)] * window
        power = np.square(np.abs(np.fft.rfft(block, _FFT, axis=1))).astype(np.float32)
        mel = power @ _mel_filters().T
        out[:, start : start + block.shape[0]] = ((np.log(mel + _FLOOR) - _MEAN) / _SPREAD).T
    return out


def piece_mel(audio: Floats, gain: float, first_frame: int, frames: int) -> Floats:
    """Return the features of video frames first_frame .. first_frame+frames-1; silence outside the recording.

    Equal to the same columns of ``log_mel`` of the whole, with memory for the piece alone.
    """
    start = first_frame * _FRAME - _LEFT
    length = (frames * MEL_PER_FRAME - 1) * _HOP + _WINDOW
    piece = np.zeros(length, dtype=np.float32)
    low, high = max(0, start), min(audio.size, start + length)
    if high > low:
        piece[low - start : high - start] = audio[low:high] * np.float32(gain)
    out = _features(piece, frames * MEL_PER_FRAME)
    total = frame_count(audio.size)
    outside = np.repeat(
        (np.arange(frames) + first_frame < 0) | (np.arange(frames) + first_frame >= total), MEL_PER_FRAME
    )
    out[:, outside] = SILENCE
    return out


def windows(audio: Floats, *, left: int, chunk: int, right: int) -> Iterator[tuple[int, int, Floats]]:
    """Cut a recording into the windows that the audio graph takes, one after the other.

    Yields (first frame, frames that count, window [1, MELS, 1, 4*(left+chunk+right)]). The last window is padded with
    silence; only its first "frames that count" tokens belong to the recording.
    """
    gain = speech_gain(audio)
    total = frame_count(audio.size)
    for first in range(0, total, chunk):
        piece = piece_mel(audio, gain, first - left, left + chunk + right)
        yield first, min(chunk, total - first), piece[None, :, None, :]
