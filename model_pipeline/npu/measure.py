"""How far the NPU's arithmetic is from float32: cosines of outputs, and the spread of the lip opening."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from device_agent.engine.package import Constants
from device_agent.engine.runtime.backend import Backend, TongueBackend
from device_agent.engine.runtime.motion import FrameMotion, MotionModel, Prompt
from frame_protocol.model_package import ModelManifest

Floats = NDArray[np.float32]


def cosine(came: Floats, expected: Floats) -> float:
    """Cosine of two tensors as vectors; 1 where both are zero."""
    a, b = came.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else float(not a.any() and not b.any())


def cosines(came: list[list[Floats]], expected: list[list[Floats]], names: list[str]) -> dict[str, dict[str, float]]:
    """Worst and mean cosine of each output over all questions."""
    found = {}
    for place, name in enumerate(names):
        values = [cosine(a[place], b[place]) for a, b in zip(came, expected, strict=True)]
        found[name] = {"min": round(min(values), 6), "mean": round(float(np.mean(values)), 6)}
    return found


def openings(frames: list[FrameMotion], constants: Constants) -> NDArray[np.float64]:
    """Lip opening of every frame, mm."""
    return np.array([canonical.map_opening(f.motion, constants.points, constants.extent) for f in frames])


def loop_figures(came: NDArray[np.float64], expected: NDArray[np.float64]) -> dict[str, object]:
    """Compare two curves of lip opening; ``amplitude_ratio`` is that of their standard deviations."""
    return {
        "frames": len(came),
        "amplitude_ratio": round(float(came.std() / expected.std()), 4),
        "opening_r": round(float(np.corrcoef(came, expected)[0, 1]), 5),
        "mean_difference_mm": round(float(np.abs(came - expected).mean()), 4),
        "largest_difference_mm": round(float(np.abs(came - expected).max()), 4),
    }


class Speaker(Backend, TongueBackend, Protocol):
    """Runs what speaks: the model's graphs, and the tongue's."""


def speak(
    backend: Speaker, manifest: ModelManifest, constants: Constants, prompt: Prompt, audio: Floats
) -> list[FrameMotion]:
    """Run the token loop of a frame on ``backend``, decoding as the package says."""
    model = MotionModel(backend, manifest.shape, constants, backend.tongue)
    return list(model.speak(audio, prompt, manifest.sampling))
