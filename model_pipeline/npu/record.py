"""Real inputs of the graphs: what a backend is asked while a voice is spoken for a photo."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from device_agent.engine.runtime.backend import Backend, StepInputs

Floats = NDArray[np.float32]
Inputs = dict[str, Floats]


class Recorder:
    """A ``Backend`` that passes every question on and keeps what was asked, by graph."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self.asked: dict[str, list[Inputs]] = defaultdict(list)

    def audio(self, mel: Floats) -> Floats:
        """Pass on, and keep."""
        self._keep("audio", mel=mel)
        return self._inner.audio(mel)

    def prompt(self, photo: Floats, rest: Floats) -> tuple[Floats, Floats]:
        """Pass on, and keep."""
        self._keep("prompt", photo=photo, rest=rest)
        return self._inner.prompt(photo, rest)

    def step(self, inputs: StepInputs) -> tuple[Floats, Floats, Floats]:
        """Pass on, and keep."""
        self._keep("step", **vars(inputs))
        return self._inner.step(inputs)

    def decoder(self, codes: Floats) -> Floats:
        """Pass on, and keep."""
        self._keep("decoder", codes=codes)
        return self._inner.decoder(codes)

    def _keep(self, graph: str, **inputs: Floats) -> None:
        """Copy: the ring is written in place after each step."""
        self.asked[graph].append({name: np.array(value) for name, value in inputs.items()})


def spread(inputs: list[Inputs], count: int) -> Iterable[Inputs]:
    """Return at most ``count`` of the inputs, evenly from first to last."""
    places = np.unique(np.linspace(0, len(inputs) - 1, min(count, len(inputs))).round().astype(int))
    return [inputs[int(i)] for i in places]
