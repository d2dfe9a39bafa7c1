"""The installed base as a torch model, with what only the laboratory has: encoder, motion components."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from device_agent.engine import package
from frame_protocol.model_package import WEIGHTS
from model_pipeline.data import visemes
from model_pipeline.data.samples import Controls, opening_row, width_row
from model_pipeline.errors import WeightsUnusable
from model_pipeline.export.int8 import load_model
from model_pipeline.export.package import WEIGHTS_DIR
from model_pipeline.fix.lora import Int8Weight
from model_pipeline.models.config import CONFIGS
from model_pipeline.models.nano import Nano

LABORATORY_WEIGHTS = WEIGHTS_DIR / WEIGHTS
"""The repository's own weights file; packages leave its laboratory tensors out."""

TRAINED_PARTS = ("spacetime.", "audio.layers.")
"""A fix changes how sound becomes motion, never the face or the shapes that the mouth can take."""


@dataclass(frozen=True)
class Base:
    """A model package that is installed on frames, ready to be trained on."""

    folder: Path
    model: Nano
    weights: dict[str, Int8Weight]
    """The INT8 weights that a fix may change, by parameter name."""


def load_base(folder: Path, laboratory: Path = LABORATORY_WEIGHTS) -> Base:
    """Load an unpacked package; encoder and components come from ``laboratory``, which must share its codebook."""
    manifest = package.load(folder).manifest
    config = CONFIGS.get(manifest.family)
    if config is None:
        raise WeightsUnusable(
            f"Expected a model family of {', '.join(CONFIGS)}, the package is a {manifest.family!r}."
        )
    model = load_model(folder / WEIGHTS, config)
    trained = load_model(laboratory, config)
    if not np.allclose(model.codebook.vectors.numpy(), trained.codebook.vectors.numpy(), atol=1e-5):
        raise WeightsUnusable(
            f"{laboratory} has another codebook than the package {manifest.model_id}; name the weights file that the "
            "package was exported from with --laboratory"
        )
    model.encoder.load_state_dict(trained.encoder.state_dict())
    model.components.copy_(trained.components)
    model.maps.copy_(trained.maps)
    return Base(folder, model, _int8_weights(folder / WEIGHTS))


def _int8_weights(path: Path) -> dict[str, Int8Weight]:
    tensors = load_file(path)
    names = [name.removesuffix(".q") for name in tensors if name.endswith(".q") and name.startswith(TRAINED_PARTS)]
    return {
        name: Int8Weight(tensors[f"{name}.q"], tensors[f"{name}.scale"])
        for name in names
        if tensors[f"{name}.q"].ndim == 2
    }


LEAD_S = 0.02
"""Lips run ahead of the sound by this much, as in the visemes that the model was trained on."""

LEAST_FACTOR, MOST_FACTOR = 0.5, 2.0
"""A style beyond these is no style but a model that does not move, or moves at random."""


def own_motion(model: Nano, codes: np.ndarray) -> np.ndarray:
    """Return the coefficients [F,P] that code vectors [F,T,K] stand for."""
    weight = model.encoder.project.weight.detach().numpy().astype(np.float64)
    return np.asarray(codes.reshape(len(codes), -1) @ np.linalg.pinv(weight).T)


def _rows(model: Nano) -> np.ndarray:
    basis = model.basis()
    return np.stack([opening_row(basis), width_row(basis)]).astype(np.float64)


def own_controls(model: Nano, motion: np.ndarray) -> Controls:
    """Return how opening and width show in the coefficients of what the base itself says: ``motion`` [F,P].

    No measured track is needed, and what a fix teaches stays among the shapes that this model makes.
    """
    rows = _rows(model)
    slopes = np.linalg.lstsq(motion @ rows.T, motion, rcond=None)[0]
    slopes = np.linalg.lstsq(slopes @ rows.T, slopes, rcond=None)[0]
    return Controls(slopes.astype(np.float32), np.zeros(slopes.shape[1], np.float32))


def own_style(model: Nano, motion: np.ndarray, by_rule: np.ndarray) -> visemes.Style:
    """Return the style in which viseme rules move as far as the base; ``by_rule`` [F,2] says what ``motion`` says."""
    said = motion @ _rows(model).T
    own, rule = (np.percentile(part, 95, axis=0) - np.percentile(part, 5, axis=0) for part in (said, by_rule))
    factors = np.clip(own / np.maximum(rule, 1e-6), LEAST_FACTOR, MOST_FACTOR)
    return visemes.Style(float(factors[0]), float(factors[1]), LEAD_S)
