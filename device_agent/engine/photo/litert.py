"""Runs the face models (TensorFlow Lite files) on the CPU; the only place that knows the LiteRT library."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from device_agent.engine.arrays import Floats
from device_agent.errors import ModelError


class LiteModel:
    """One model with one float32 picture as input."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            with _hushed():
                self._interpreter = Interpreter(str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelError(f"{path}: the face model cannot be loaded ({error}); install the model again") from error
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()

    @property
    def size(self) -> int:
        """Side of the square input picture."""
        return int(self._input["shape"][1])

    def run(self, picture: Floats) -> list[Floats]:
        """Run on one picture [size, size, 3]; outputs in the order of the file, flattened to [rows, last axis]."""
        self._interpreter.set_tensor(self._input["index"], picture[None].astype(np.float32))
        self._interpreter.invoke()
        outputs = [self._interpreter.get_tensor(detail["index"]) for detail in self._outputs]
        return [np.asarray(value, dtype=np.float32).reshape(-1, value.shape[-1]) for value in outputs]


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep the library's notes off the terminal: it writes them to descriptor 2 and has no switch for it."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
