"""Rows to stand beside: a mouth that stands still, one that loudness moves, and ridge regression on log-mel."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import features
from model_pipeline.data.samples import SpeakerMotion

Floats = NDArray[np.floating]
RIDGE_SPAN = 8
"""Frames to each side that the ridge sees."""
RIDGE_PENALTY = 3e3
BANDS = 20
SMOOTH_FRAMES = 3


def loudness(audio: NDArray[np.float32], frames: int) -> Floats:
    """Return the smoothed loudness [frames] of levelled sound, in dB above a floor."""
    levelled = audio * features.speech_gain(audio)
    size = features.SAMPLE_RATE // features.VIDEO_FPS
    blocks = levelled[: frames * size].reshape(frames, size)
    level = 20 * np.log10(np.sqrt(np.square(blocks).mean(axis=1)) + 1e-3) + 60
    kernel = np.ones(SMOOTH_FRAMES) / SMOOTH_FRAMES
    return np.convolve(level, kernel, mode="same")


def context(audio: NDArray[np.float32], frames: int) -> Floats:
    """Return what the ridge regresses on [frames, bands*(2*span+1)+1]."""
    mel = features.log_mel(audio)[:, : frames * features.MEL_PER_FRAME]
    bands = mel.reshape(BANDS, features.MELS // BANDS, frames, features.MEL_PER_FRAME).mean(axis=(1, 3)).T
    padded = np.pad(bands, ((RIDGE_SPAN, RIDGE_SPAN), (0, 0)), mode="edge")
    columns = [padded[i : i + frames] for i in range(2 * RIDGE_SPAN + 1)]
    return np.concatenate([*columns, np.ones((frames, 1))], axis=1)


def fit_linear(inputs: Sequence[Floats], motions: Sequence[Floats], penalty: float) -> Floats:
    """Return the ridge solution; every clip enters with the same weight."""
    size = inputs[0].shape[1]
    left, right = penalty / 1e4 * np.eye(size), np.zeros((size, motions[0].shape[1]))
    for x, y in zip(inputs, motions, strict=True):
        left += x.T @ x / len(x)
        right += x.T @ y / len(x)
    return np.linalg.solve(left, right)


def ridge(train: Sequence[SpeakerMotion], held_out: Sequence[SpeakerMotion]) -> list[Floats]:
    """Return predicted coefficients of every held-out clip."""
    inputs = [context(m.track.audio, len(m.motion)) for m in train]
    weights = fit_linear(inputs, [m.motion for m in train], RIDGE_PENALTY)
    return [context(m.track.audio, len(m.motion)) @ weights for m in held_out]


def loud(train: Sequence[SpeakerMotion], held_out: Sequence[SpeakerMotion]) -> list[Floats]:
    """Return coefficients that follow loudness by the best linear fit."""

    def inputs(motion: SpeakerMotion) -> Floats:
        level = loudness(motion.track.audio, len(motion.motion))
        return np.stack([level, np.ones_like(level)], axis=1)

    weights = fit_linear([inputs(m) for m in train], [m.motion for m in train], 1e-3)
    return [inputs(m) @ weights for m in held_out]
