"""In which frames of a recording somebody speaks: the package's voice activity model, per 1/25 s."""

from pathlib import Path

import numpy as np
import onnxruntime

from device_agent.engine.package import VAD

SAMPLE_RATE = 16_000
BLOCK = 512
CONTEXT = 64
"""Samples of the block before that the model also takes."""

SPEECH_FROM = 0.5
SAMPLES_PER_FRAME = 640


class SpeechDetector:
    """Silero's recurrent detector, fed block after block."""

    def __init__(self, model: Path) -> None:
        self._session = onnxruntime.InferenceSession(str(model / VAD), providers=["CPUExecutionProvider"])

    def frames(self, sound: np.ndarray) -> np.ndarray:
        """Return for each 1/25 s of ``sound`` (16 kHz, -1..1) whether somebody speaks."""
        likely = self._probabilities(sound.astype(np.float32))
        middles = (np.arange(-(-len(sound) // SAMPLES_PER_FRAME)) + 0.5) * SAMPLES_PER_FRAME
        return np.asarray(likely[np.minimum((middles / BLOCK).astype(int), len(likely) - 1)] >= SPEECH_FROM)

    def _probabilities(self, sound: np.ndarray) -> np.ndarray:
        blocks = max(1, -(-len(sound) // BLOCK))
        padded = np.zeros(CONTEXT + blocks * BLOCK, np.float32)
        padded[CONTEXT : CONTEXT + len(sound)] = sound
        state = np.zeros((2, 1, 128), np.float32)
        likely = np.zeros(blocks, np.float32)
        for index in range(blocks):
            piece = padded[None, index * BLOCK : index * BLOCK + CONTEXT + BLOCK]
            given = {"input": piece, "state": state, "sr": np.array(SAMPLE_RATE, np.int64)}
            answer, state = self._session.run(None, given)
            likely[index] = answer[0, 0]
        return likely
