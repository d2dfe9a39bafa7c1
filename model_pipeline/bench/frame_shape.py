"""Weights of the true shape of the `frame` family, and of LoRA deltas for them, filled with random numbers.

The family fits the 692 MB of a frame's memory plan at INT8, which is about 0.65 billion parameters: one transformer
layer of width D has 12 D^2 of them (four D x D in attention, two D x 4D in the feed-forward part). Nothing is trained
at this size; sizes, speeds and memory depend on shapes alone, and on how the numbers are spread.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device_agent.update.delta_format import Factors

CODEBOOK = 512
WEIGHT_SPREAD = 30.0
"""Standard deviation of INT8 weights whose largest of some thousand is 127."""
CHANGE_SPREAD = 0.5
"""Standard deviation of a LoRA update in steps of the weight: it changes about a third of them, by one."""
FACTOR_SPREAD = 73.3
"""Standard deviation of whole numbers from -127 to 127, all alike."""
SHIFT = 37
WRITE_ROWS = 1024


@dataclass(frozen=True)
class Tower:
    """Transformer layers of one part of the model."""

    prefix: str
    layers: int
    width: int

    def weights(self) -> Iterator[tuple[str, int, int]]:
        """Yield name, outputs and inputs of every linear layer."""
        for layer in range(self.layers):
            for part in ("q", "k", "v", "out"):
                yield f"{self.prefix}.{layer}.{part}.weight", self.width, self.width
            yield f"{self.prefix}.{layer}.feed.up.weight", 4 * self.width, self.width
            yield f"{self.prefix}.{layer}.feed.down.weight", self.width, 4 * self.width


SPACETIME = Tower("spacetime.blocks", layers=23, width=1536)
PROMPT = Tower("vit.layers", layers=6, width=512)
AUDIO = Tower("audio.layers", layers=4, width=512)
LIP_BLOCKS = 4
"""A lip-sync delta changes what the last blocks say and the choice of the token, nothing that hears or sees."""


def frame_weights(share: float = 1.0) -> list[tuple[str, int, int]]:
    """Return the linear layers of the family; ``share`` of the layers of each tower for smaller machines."""
    towers = [Tower(tower.prefix, _some(tower.layers, share), tower.width) for tower in (SPACETIME, PROMPT, AUDIO)]
    head = ("spacetime.head.weight", CODEBOOK, SPACETIME.width)
    return [weight for tower in towers for weight in tower.weights()] + [head]


def lip_sync_only(weights: list[tuple[str, int, int]], share: float = 1.0) -> list[tuple[str, int, int]]:
    """Return the layers of a delta that corrects lips: value and output of the last blocks, and the head."""
    blocks = sorted({int(name.split(".")[2]) for name, *_ in weights if name.startswith(SPACETIME.prefix)})
    last = blocks[-_some(LIP_BLOCKS, share) :]
    chosen = {f"{SPACETIME.prefix}.{block}.{part}.weight" for block in last for part in ("v", "out")}
    return [weight for weight in weights if weight[0] in {*chosen, "spacetime.head.weight"}]


def _some(layers: int, share: float) -> int:
    return max(1, round(layers * share))


def write_weights(path: Path, weights: list[tuple[str, int, int]], seed: int) -> None:
    """Write a safetensors file of random INT8 weights and their scales, a few rows at a time."""
    random = np.random.default_rng(seed)
    header, offset = {}, 0
    for name, rows, columns in weights:
        for tensor, dtype, shape, size in (
            (f"{name}.q", "I8", [rows, columns], rows * columns),
            (f"{name}.scale", "F32", [rows], 4 * rows),
        ):
            header[tensor] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
            offset += size
    data = json.dumps(header).encode()
    data += b" " * (-len(data) % 8)
    with path.open("wb") as file:
        file.write(len(data).to_bytes(8, "little") + data)
        for _, rows, columns in weights:
            for first in range(0, rows, WRITE_ROWS):
                block = random.standard_normal((min(WRITE_ROWS, rows - first), columns), np.float32) * WEIGHT_SPREAD
                file.write(np.clip(np.rint(block), -127, 127).astype(np.int8).tobytes())
            file.write(random.random(rows, np.float32).tobytes())


def random_factors(weights: list[tuple[str, int, int]], rank: int, seed: int) -> Mapping[str, Factors]:
    """Return factors of ``rank`` for the layers, with updates of CHANGE_SPREAD steps."""
    random = np.random.default_rng(seed)
    gain = CHANGE_SPREAD / (FACTOR_SPREAD**2 * rank**0.5)
    return {
        name: Factors(
            down=random.integers(-127, 128, (rank, columns), np.int8),
            up=random.integers(-127, 128, (rows, rank), np.int8),
            mult=np.full(rows, round(gain * 2.0**SHIFT), np.int32),
            shift=SHIFT,
        )
        for name, rows, columns in weights
    }
