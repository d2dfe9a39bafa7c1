"""A model package loaded and warm: everything that rendering needs and that does not depend on a photo or a voice."""

from collections.abc import Iterator

import cv2
import numpy as np

from device_agent.engine import features, package
from device_agent.engine.arrays import Floats
from device_agent.engine.photo.portrait import Portrait, PortraitReader
from device_agent.engine.runtime.motion import MotionModel
from device_agent.engine.runtime.onnx import DEFAULT_THREADS, OnnxBackend
from device_agent.engine.runtime.speech import SpeechDetector, mouth_gate, require_speech, speech_windows
from device_agent.engine.stopwatch import Stopwatch
from device_agent.engine.warp.face import FaceWarp
from device_agent.engine.warp.repair import CELLS_HIGH, CELLS_WIDE, MouthRepair
from frame_protocol.model_package import Sampling


class Engine:
    """Loads once, renders any number of videos."""

    def __init__(self, model: package.ModelPackage, *, threads: int = DEFAULT_THREADS) -> None:
        cv2.setNumThreads(1)  # two threads cost a third more processor time here, and the other core encodes
        self.manifest = model.manifest
        self.constants = model.constants()
        self.reader = PortraitReader(model)
        backend = OnnxBackend(model, threads=threads)
        self._repair = backend.repair if model.has(package.REPAIR_GRAPH) else None
        tongue = backend.tongue if model.has(package.TONGUE_GRAPH) else None
        self.motion = MotionModel(backend, model.manifest.shape, self.constants, tongue)
        self._detector = SpeechDetector(model.path(package.VAD))
        self._warm_up()

    def _warm_up(self) -> None:
        """Run every graph once: the first run of a session allocates its memory."""
        moment = np.zeros(1, dtype=np.float32)
        for _ in self.motion.speak(moment, self.motion.null_prompt(), Sampling(temperature=0.0)):
            pass
        next(self._detector.probabilities(moment))
        if self._repair is not None:
            self._repair(np.zeros((1, 4, CELLS_HIGH, CELLS_WIDE), dtype=np.float32))

    def warp(self, portrait: Portrait, *, lively: bool = False, watch: Stopwatch | None = None) -> FaceWarp:
        """Prepare the pixels of one portrait for moving: the face, and the whole head if it is to be ``lively``.

        ``watch`` counts the time of the mouth's repair, where the package brings one.
        """
        constants, repair = self.constants, None
        if self._repair is not None:
            repair = MouthRepair(self._repair, portrait, watch or Stopwatch())
        return FaceWarp(
            portrait, constants.points, constants.extent, constants.opening_map, lively=lively, repair=repair
        )

    def gate(self, samples: Floats) -> Iterator[float]:
        """Return the mouth gate of a 16 kHz recording, frame by frame; raises VoiceSilent when nobody speaks."""
        speech = require_speech(speech_windows(self._detector.probabilities(samples)))
        return mouth_gate(speech, features.frame_count(len(samples)))
