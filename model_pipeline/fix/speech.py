"""In which frames of a recording somebody speaks: the engine's voice detector, per 1/25 s."""

from pathlib import Path

import numpy as np

from device_agent.engine.package import VAD
from device_agent.engine.runtime.speech import WINDOW, SpeechDetector, speech_windows

SAMPLES_PER_FRAME = 640


def speaking_frames(sound: np.ndarray, model: Path) -> np.ndarray:
    """Return for each 1/25 s of ``sound`` (16 kHz) whether somebody speaks; ``model`` is an unpacked package."""
    frames = -(-len(sound) // SAMPLES_PER_FRAME)
    if not frames:
        return np.zeros(0, dtype=bool)
    windows = speech_windows(SpeechDetector(model / VAD).probabilities(sound.astype(np.float32)))
    speech = np.array(list(windows))
    middles = (np.arange(frames) + 0.5) * SAMPLES_PER_FRAME
    return np.asarray(speech[np.minimum((middles / WINDOW).astype(int), len(speech) - 1)])
