"""Sound in, facial motion out, frame after frame: the token loop around the graphs.

Memory does not grow with the length of the voice: the sound passes in windows, the past lives in a ring.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from device_agent.engine import features, rope
from device_agent.engine.arrays import Floats
from device_agent.engine.gesture import Gesture
from device_agent.engine.package import Constants
from device_agent.engine.runtime.backend import Backend, StepInputs
from device_agent.engine.runtime.ring import Ring
from frame_protocol.model_package import Decode, GraphShape, Sampling

PROMPT_SIDE = 256
Listener = Callable[[Floats], Floats]
"""mel of a window -> height of the tongue's tip in each frame of its chunk, as ``TongueBackend`` says."""


@dataclass(frozen=True)
class Prompt:
    """What the transformer knows of the photo: keys and values [L*H,dh,1,256]."""

    keys: Floats
    values: Floats


@dataclass(frozen=True)
class FrameMotion:
    """One frame as the model sees it."""

    tokens: list[int]
    """Those drawn; the likeliest where the mean of the codes is shown."""
    codes: Floats
    """[T,K]: what is shown."""
    fed_back: Floats
    """[T,K]: what the next frame is told of it."""
    motion: Floats
    """[channels,64,64] mm from the closed mouth."""
    tongue: float | None = None
    """Height of its tip, 0..1; None where the package does not say."""

    @property
    def gesture(self) -> Gesture:
        """What is to be drawn of it."""
        return Gesture(self.motion, self.tongue)


class MotionModel:
    """The model of one package on one backend; ``tongue`` is that graph, where the package has it."""

    def __init__(
        self, backend: Backend, shape: GraphShape, constants: Constants, tongue: Listener | None = None
    ) -> None:
        self._backend, self._shape, self._constants = backend, shape, constants
        self._tongue = tongue

    def prompt(self, photo: Floats, opening_mm: float, width_mm: float) -> Prompt:
        """Look at the aligned photo [1,3,256,256] once."""
        return self._prompt(photo, [opening_mm, width_mm, 1.0, 0.0])

    def null_prompt(self) -> Prompt:
        """Return the learned prompt of "no photo"."""
        return self._prompt(np.zeros((1, 3, PROMPT_SIDE, PROMPT_SIDE), dtype=np.float32), [0.0, 0.0, 0.0, 0.0])

    def _prompt(self, photo: Floats, rest: list[float]) -> Prompt:
        return Prompt(*self._backend.prompt(photo, np.array(rest, dtype=np.float32).reshape(1, 4, 1, 1)))

    def speak(self, samples: Floats, prompt: Prompt, sampling: Sampling) -> Iterator[FrameMotion]:
        """Yield the motion of each video frame of a 16 kHz recording."""
        state = _Stream(self._backend, self._shape, self._constants, prompt, sampling)
        shape = self._shape
        for _, count, window in features.windows(
            samples, left=shape.audio_left, chunk=shape.audio_chunk, right=shape.audio_right
        ):
            mel = np.ascontiguousarray(window)
            audio = self._backend.audio(mel)
            heights = None if self._tongue is None else self._tongue(mel)
            for index in range(count):
                tongue = None if heights is None else float(heights[0, 0, 0, index])
                yield state.next(audio[..., index : index + 1], tongue)


class _Stream:
    """State of one voice: the ring, the codes that are fed back, the dice."""

    def __init__(
        self, backend: Backend, shape: GraphShape, constants: Constants, prompt: Prompt, sampling: Sampling
    ) -> None:
        self._backend, self._shape, self._prompt = backend, shape, prompt
        self._codes, self._gain = codes_by(sampling, constants.codebook), np.float32(sampling.gain)
        self._told = told_by(sampling, constants.codebook)
        self._ring = Ring(shape)
        silence = np.zeros((1, shape.code_dim, 1, shape.tokens_per_frame), dtype=np.float32)
        self._fed_back = [silence] * max(1, shape.feedback_lag)
        self._frame = 0

    def next(self, audio: Floats, tongue: float | None = None) -> FrameMotion:
        """Advance by one frame whose audio token is [1,D,1,1]."""
        cos, sin = rope.tables(self._frame, 1 + self._shape.tokens_per_frame, self._shape.head_dim)
        logits, keys, values = self._backend.step(
            StepInputs(
                audio=np.ascontiguousarray(audio), feedback=self._fed_back[0], cos=cos, sin=sin,
                prompt_k=self._prompt.keys, prompt_v=self._prompt.values,
                cache_k=self._ring.keys, cache_v=self._ring.values, mask=self._ring.mask,
            )
        )  # fmt: skip
        self._ring.store(self._frame, keys, values)
        tokens, vectors = self._codes(logits[0, :, 0, :])
        told = vectors if self._told is None else self._told(logits[0, :, 0, :])[1]
        self._fed_back = [*self._fed_back[1:], _as_input(told)]
        self._frame += 1
        motion = self._backend.decoder(_as_input(vectors))[0] * self._gain
        return FrameMotion([int(token) for token in tokens], vectors, told, motion, tongue)


def _as_input(codes: Floats) -> Floats:
    """[T,K] -> [1,K,1,T]."""
    return np.ascontiguousarray(codes.T[None, :, None, :])


def told_by(sampling: Sampling, codebook: Floats) -> Callable[[Floats], tuple[Floats, Floats]] | None:
    """Return as ``codes_by`` what the next frame is told; None where it is told what is shown."""
    if sampling.decode is not Decode.MEAN or sampling.feedback_temperature is None:
        return None
    return codes_by(msgspec.structs.replace(sampling, temperature=sampling.feedback_temperature), codebook)


def codes_by(sampling: Sampling, codebook: Floats) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return what turns logits [codebook,T] into tokens [T] and code vectors [T,K]."""
    dice = np.random.default_rng(sampling.seed)

    def drawn(logits: Floats) -> tuple[Floats, Floats]:
        tokens = draw_tokens(logits, sampling.temperature, dice)
        return tokens, codebook[tokens]

    def mean(logits: Floats) -> tuple[Floats, Floats]:
        chances = np.exp((logits - logits.max(axis=0)) / sampling.temperature)
        return logits.argmax(axis=0), (chances / chances.sum(axis=0)).T @ codebook

    return mean if sampling.decode is Decode.MEAN and sampling.temperature > 0 else drawn


def draw_tokens(logits: Floats, temperature: float, dice: np.random.Generator) -> Floats:
    """Draw one token per column of ``logits`` [codebook, T] by Gumbel's trick; the likeliest at temperature 0."""
    if temperature <= 0:
        return np.asarray(logits.argmax(axis=0))
    noise = dice.gumbel(size=logits.shape)
    return np.asarray((logits / temperature + noise).argmax(axis=0))
