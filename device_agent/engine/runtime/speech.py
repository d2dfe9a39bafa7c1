"""When somebody speaks: the Silero detector, and the gate that closes the mouth while nobody does."""

import collections
import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.runtime.onnx import open_session
from device_agent.engine.voice import MODEL_RATE
from device_agent.errors import VoiceSilent

WINDOW = 512
"""Samples the detector judges at a time: 32 ms."""

WINDOW_SECONDS = WINDOW / MODEL_RATE
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
    """Judges recordings window by window; nothing is judged before it is asked for."""

    def __init__(self, path: Path) -> None:
        self._session = open_session(path, threads=1)

    def probabilities(self, samples: Floats) -> Iterator[float]:
        """Yield the probability of speech of each 32 ms window of a 16 kHz recording."""
        state = np.zeros(STATE_SHAPE, dtype=np.float32)
        rate = np.array(MODEL_RATE, dtype=np.int64)
        for begin in range(0, len(samples), WINDOW):
            window = np.zeros((1, CONTEXT + WINDOW), dtype=np.float32)
            part = samples[max(0, begin - CONTEXT) : begin + WINDOW]
            first = max(0, CONTEXT - begin)
            window[0, first : first + len(part)] = part
            value, state = self._session.run(["output", "stateN"], {"input": window, "state": state, "sr": rate})
            yield float(value[0, 0])


def speech_windows(probabilities: Iterable[float]) -> Iterator[bool]:
    """Yield, per window, whether it belongs to speech: begins above one threshold, lasts above a lower one."""
    inside = False
    for value in probabilities:
        inside = value >= (SPEECH_STAYS_ABOVE if inside else SPEECH_ABOVE)
        yield inside


def require_speech(speech: Iterator[bool]) -> Iterator[bool]:
    """Look ahead until somebody has spoken for a moment, and return all windows; VoiceSilent if nobody does."""
    seen: list[bool] = []
    for window in speech:
        seen.append(window)
        if sum(seen) * WINDOW_SECONDS >= MIN_SPEECH_SECONDS:
            return itertools.chain(seen, speech)
    seconds = sum(seen) * WINDOW_SECONDS
    raise VoiceSilent(
        f"nobody speaks in the recording ({seconds:.1f} s of speech found); record the voice again, louder"
    )


def mouth_gate(speech: Iterable[bool], frames: int) -> Iterator[float]:
    """Yield, per video frame, how far the mouth follows the model: 1 in speech, 0 in silence, short ramps between."""
    spoken = _frames_of_speech(iter(speech), frames)
    first = next(spoken, False)
    around = collections.deque([first] * RAMP_FRAMES, maxlen=RAMP_FRAMES)
    ahead = RAMP_FRAMES // 2 - 1
    for frame in range(1, frames + ahead):
        around.append(next(spoken, around[-1]))
        if frame >= ahead:
            yield sum(around) / RAMP_FRAMES


def _frames_of_speech(speech: Iterator[bool], frames: int) -> Iterator[bool]:
    """Yield, per frame, whether speech is near; windows are pulled as late as possible."""
    windows: list[bool] = []
    for frame in range(frames):
        begin, end = frame / FPS - LEAD_SECONDS, (frame + 1) / FPS + LEAD_SECONDS
        last = math.ceil(end / WINDOW_SECONDS)
        windows.extend(itertools.islice(speech, max(0, last - len(windows))))
        yield any(windows[max(0, math.floor(begin / WINDOW_SECONDS)) : last])
