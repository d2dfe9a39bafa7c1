"""Real inputs of the graphs: what a backend is asked while a voice is spoken for a photo, and what it answers."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from device_agent.engine.runtime.backend import StepInputs
from device_agent.engine.runtime.onnx import OnnxBackend

Floats = NDArray[np.float32]
Inputs = dict[str, Floats]


class Recorder:
    """Every graph of a package: passes questions on and keeps them and their answers, by graph."""

    def __init__(self, inner: OnnxBackend) -> None:
        self._inner = inner
        self.asked: dict[str, list[Inputs]] = defaultdict(list)
        self.answered: dict[str, list[list[Floats]]] = defaultdict(list)

    def audio(self, mel: Floats) -> Floats:
        """Pass on, and keep."""
        self._ask("audio", mel=mel)
        return self._answer("audio", self._inner.audio(mel))[0]

    def prompt(self, photo: Floats, rest: Floats) -> tuple[Floats, Floats]:
        """Pass on, and keep."""
        self._ask("prompt", photo=photo, rest=rest)
        keys, values = self._answer("prompt", *self._inner.prompt(photo, rest))
        return keys, values

    def step(self, inputs: StepInputs) -> tuple[Floats, Floats, Floats]:
        """Pass on, and keep."""
        self._ask("step", **vars(inputs))
        logits, keys, values = self._answer("step", *self._inner.step(inputs))
        return logits, keys, values

    def decoder(self, codes: Floats) -> Floats:
        """Pass on, and keep."""
        self._ask("decoder", codes=codes)
        return self._answer("decoder", self._inner.decoder(codes))[0]

    def tongue(self, mel: Floats) -> Floats:
        """Pass on, and keep."""
        self._ask("tongue", mel=mel)
        return self._answer("tongue", self._inner.tongue(mel))[0]

    def repair(self, mouth: Floats) -> Floats:
        """Pass on, and keep."""
        self._ask("repair", mouth=mouth)
        return self._answer("repair", self._inner.repair(mouth))[0]

    def _ask(self, graph: str, **inputs: Floats) -> None:
        """Copy: the ring is written in place after each step."""
        self.asked[graph].append({name: np.array(value) for name, value in inputs.items()})

    def _answer(self, graph: str, *outputs: Floats) -> list[Floats]:
        self.answered[graph].append([np.array(value) for value in outputs])
        return list(outputs)


def spread(inputs: list[Inputs], count: int) -> list[Inputs]:
    """Return at most ``count`` of the inputs, evenly from first to last."""
    places = np.unique(np.linspace(0, len(inputs) - 1, min(count, len(inputs))).round().astype(int))
    return [inputs[int(place)] for place in places]
