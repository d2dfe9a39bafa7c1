"""When somebody speaks: the Silero detector, and the gate that closes the mouth while nobody does."""

from pathlib import Path

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.runtime.onnx import open_session
from device_agent.engine.voice import MODEL_RATE
from device_agent.errors import VoiceSilent

WINDOW = 512
"""Samples the detector judges at a time: 32 ms."""

CONTEXT = 64
"""Samples of the past that it also sees."""

STATE_SHAPE = (2, 1, 128)
SPEECH_ABOVE = 0.5
SPEECH_STAYS_ABOVE = 0.3
MIN_SPEECH_SECONDS = 0.2
LEAD_SECONDS = 0.16
"""Lips part before the sound: the gate opens this much earlier, and closes as much later."""

RAMP_FRAMES = 4
FPS = 25


class SpeechDetector:
    """Judges whole recordings; memory stays that of one window."""

    def __init__(self, path: Path) -> None:
        self._session = open_session(path, threads=1)

    def probabilities(self, samples: Floats) -> Floats:
        """Return the probability of speech of each 32 ms window of a 16 kHz recording."""
        count = -(-len(samples) // WINDOW)
        padded = np.zeros(CONTEXT + count * WINDOW, dtype=np.float32)
        padded[CONTEXT : CONTEXT + len(samples)] = samples
        state = np.zeros(STATE_SHAPE, dtype=np.float32)
        rate = np.array(MODEL_RATE, dtype=np.int64)
        found = np.zeros(count, dtype=np.float32)
        for index in range(count):
            window = padded[None, index * WINDOW : index * WINDOW + CONTEXT + WINDOW]
            value, state = self._session.run(["output", "stateN"], {"input": window, "state": state, "sr": rate})
            found[index] = value[0, 0]
        return found


def speech_windows(probabilities: Floats) -> Floats:
    """Return, per window, whether it belongs to speech: begins above one threshold, lasts above a lower one."""
    speech = np.zeros(len(probabilities), dtype=bool)
    inside = False
    for index, value in enumerate(probabilities):
        inside = value >= (SPEECH_STAYS_ABOVE if inside else SPEECH_ABOVE)
        speech[index] = inside
    return speech


def require_speech(speech: Floats) -> None:
    """Raise VoiceSilent unless somebody speaks for a moment at least."""
    seconds = float(speech.sum()) * WINDOW / MODEL_RATE
    if seconds < MIN_SPEECH_SECONDS:
        raise VoiceSilent(
            f"nobody speaks in the recording ({seconds:.1f} s of speech found); record the voice again, louder"
        )


def mouth_gate(speech: Floats, frames: int) -> Floats:
    """Return per video frame how far the mouth follows the model: 1 in speech, 0 in silence, short ramps between."""
    lead = LEAD_SECONDS
    gate = np.zeros(frames, dtype=np.float32)
    for index in np.flatnonzero(speech):
        begin, end = index * WINDOW / MODEL_RATE - lead, (index + 1) * WINDOW / MODEL_RATE + lead
        gate[max(0, int(np.floor(begin * FPS))) : max(0, int(np.ceil(end * FPS)))] = 1.0
    ramp = np.ones(RAMP_FRAMES, dtype=np.float32) / RAMP_FRAMES
    padded = np.pad(gate, RAMP_FRAMES, mode="edge")
    smooth = np.convolve(padded, ramp, mode="same")[RAMP_FRAMES : RAMP_FRAMES + frames]
    return np.asarray(smooth, dtype=np.float32)
