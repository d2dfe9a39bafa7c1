"""The frame's own token loop over torch weights, so that a fold is scored by the code that plays on a frame."""

from typing import NamedTuple

import numpy as np
import torch

from device_agent.engine import canonical
from device_agent.engine.arrays import Floats
from device_agent.engine.package import Constants
from device_agent.engine.runtime.backend import StepInputs
from device_agent.engine.runtime.motion import MotionModel
from frame_protocol.model_package import Sampling
from model_pipeline.export.graphs import AudioGraph, DecoderGraph, PromptGraph, StepGraph
from model_pipeline.models.nano import Nano


class TorchBackend:
    """Implements ``device_agent.engine.runtime.backend.Backend``."""

    def __init__(self, model: Nano) -> None:
        self._audio, self._prompt = AudioGraph(model), PromptGraph(model)
        self._step, self._decoder = StepGraph(model), DecoderGraph(model)

    @torch.inference_mode()
    def audio(self, mel: Floats) -> Floats:
        """Run the audio encoder."""
        return np.asarray(self._audio(torch.from_numpy(mel)).numpy())

    @torch.inference_mode()
    def prompt(self, photo: Floats, rest: Floats) -> tuple[Floats, Floats]:
        """Run the visual prompt."""
        keys, values = self._prompt(torch.from_numpy(photo), torch.from_numpy(rest))
        return keys.numpy(), values.numpy()

    @torch.inference_mode()
    def step(self, inputs: StepInputs) -> tuple[Floats, Floats, Floats]:
        """Run one frame."""
        logits, keys, values = self._step(*(torch.from_numpy(array) for array in vars(inputs).values()))
        return logits.numpy(), keys.numpy(), values.numpy()

    @torch.inference_mode()
    def decoder(self, codes: Floats) -> Floats:
        """Decode one frame."""
        return np.asarray(self._decoder(torch.from_numpy(codes)).numpy())


class Spoken(NamedTuple):
    """What a model says to a recording of F frames."""

    maps: Floats
    """[F,4,64,64] mm."""
    codes: Floats
    """[F,T,K]."""


def motion_model(model: Nano) -> MotionModel:
    """Return the frame's token loop around torch weights."""
    model.eval()
    constants = Constants(
        model.codebook.vectors.numpy(), model.points.numpy(), np.array(canonical.EXTENT_MM), model.opening_map.numpy()
    )
    return MotionModel(TorchBackend(model), model.config.graph_shape(), constants)


def speak(model: Nano, audio: Floats, sampling: Sampling) -> Spoken:
    """Run the token loop on a 16 kHz recording, without a photo."""
    motion = motion_model(model)
    frames = list(motion.speak(audio, motion.null_prompt(), sampling))
    return Spoken(np.stack([f.motion for f in frames]), np.stack([f.codes for f in frames]))
