"""The graphs on a CPU by ONNX Runtime; with the voice detector, the only place that knows the library."""

import os
from pathlib import Path

import numpy as np

# Its wheel reports usage to its maker unless told otherwise before it loads; nothing leaves a home that way.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime as ort

from device_agent.engine import package
from device_agent.engine.arrays import Floats
from device_agent.engine.runtime.backend import StepInputs
from device_agent.errors import ModelError

ERRORS_ONLY = 3
DEFAULT_THREADS = 1
"""One core runs the model, the other the encoder."""


class OnnxBackend:
    """Implements ``Backend``, and the graphs that a package may lack where it has them; a session for each graph."""

    def __init__(self, model: package.ModelPackage, *, threads: int = DEFAULT_THREADS) -> None:
        names = (*package.GRAPHS, *(graph for graph in package.OPTIONAL_GRAPHS if model.has(graph)))
        self._sessions = {name: open_session(model.path(f"{name}.onnx"), threads) for name in names}

    def audio(self, mel: Floats) -> Floats:
        """Run the audio encoder on one window."""
        return self._run("audio", mel=mel)[0]

    def prompt(self, photo: Floats, rest: Floats) -> tuple[Floats, Floats]:
        """Run the visual prompt once for a photo."""
        keys, values = self._run("prompt", photo=photo, rest=rest)
        return keys, values

    def step(self, inputs: StepInputs) -> tuple[Floats, Floats, Floats]:
        """Run the transformer for one frame."""
        logits, keys, values = self._run("step", **vars(inputs))
        return logits, keys, values

    def decoder(self, codes: Floats) -> Floats:
        """Run the decoder for one frame."""
        return self._run("decoder", codes=codes)[0]

    def tongue(self, mel: Floats) -> Floats:
        """Listen to one window for the tongue."""
        return self._run(package.TONGUE_GRAPH, mel=mel)[0]

    def repair(self, mouth: Floats) -> Floats:
        """Run the repair of one drawn mouth."""
        return self._run(package.REPAIR_GRAPH, mouth=mouth)[0]

    def _run(self, graph: str, **inputs: Floats) -> list[Floats]:
        try:
            return [np.asarray(value) for value in self._sessions[graph].run(OUTPUTS[graph], inputs)]
        except ort.capi.onnxruntime_pybind11_state.InvalidArgument as error:
            raise ModelError(f"{graph}.onnx does not take the inputs of docs/protocol.md: {error}") from error


OUTPUTS = {
    "audio": ["audio"],
    "prompt": ["prompt_k", "prompt_v"],
    "step": ["logits", "new_k", "new_v"],
    "decoder": ["map"],
    package.TONGUE_GRAPH: ["tongue"],
    package.REPAIR_GRAPH: ["change"],
}


def open_session(path: Path, threads: int) -> ort.InferenceSession:
    """Load one graph for the CPU; raises ModelError when it cannot be loaded."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights are stored as integers, sums are made in float32: turned into float32 once at load, not in every run.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{path}: the graph cannot be loaded ({error}); install the model again") from error
