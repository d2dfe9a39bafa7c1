"""One fold under one seed: model and peer trained on the other folds, and kept.

What the pretrained weights saw: synthetic speech, and the motion (never the sound) of all tracks.
No pair of sound and motion of a held-out speaker is seen by anything that is scored on it.
"""

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file

from model_pipeline.data import samples
from model_pipeline.data.tracks import Track
from model_pipeline.evaluate import convnet
from model_pipeline.models.nano import Nano
from model_pipeline.recipes.nano import SEED, fold_pools, load_pretrained, save_pretrained, tune_fold
from model_pipeline.training.stages import Sizes

SEEDS_APART = 100


def model_path(keep: Path, fold: int, seed: int) -> Path:
    """Return where the model of a fold is kept."""
    return keep / f"fold{fold}-seed{seed}.safetensors"


def trained(
    train: Sequence[Track], weights: Path, fold: int, seed: int, *, sizes: Sizes, keep: Path
) -> tuple[Nano, convnet.ConvNet]:
    """Return the model and the peer that heard ``train`` alone; what ``keep`` holds already is not trained again."""
    own, other = model_path(keep, fold, seed), keep / f"fold{fold}-seed{seed}-conv.safetensors"
    if not (own.is_file() and other.is_file()):
        _train(train, weights, SEED + fold + SEEDS_APART * seed, sizes, own, other)
    model = load_pretrained(own)
    peer = convnet.ConvNet(model.basis().maps.shape[0])
    peer.load_state_dict(load_file(other))
    return model, peer.eval()


def _train(  # noqa: PLR0917
    train: Sequence[Track], weights: Path, seed: int, sizes: Sizes, own: Path, other: Path
) -> None:
    model = load_pretrained(weights)
    real, synthetic = fold_pools(model, train, sizes, seed)
    if not other.is_file():
        peer = convnet.train(real, samples.opening_row(model.basis()), seed)
        part = other.with_suffix(".part")
        save_file(peer.state_dict(), part)
        part.replace(other)
    if not own.is_file():
        tune_fold(model, real, synthetic, sizes, seed)
        part = own.with_suffix(".part")
        save_pretrained(model, part)
        part.replace(own)
