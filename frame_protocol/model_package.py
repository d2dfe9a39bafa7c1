"""Model packages and model deltas (docs/protocol.md, "Model package"): one tar, its manifest first."""

import hashlib
import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from frame_protocol.codec import Versioned
from frame_protocol.names import Sha256, ShortText

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
DELTA = "delta.safetensors"


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Length and hash of one file of a package."""

    length: Annotated[int, Meta(ge=0)]
    sha256: Sha256


class GraphShape(msgspec.Struct, frozen=True, kw_only=True):
    """The fixed sizes of the graphs; names as in docs/protocol.md, "Graphs"."""

    width: int
    layers: int
    heads: int
    head_dim: int
    tokens_per_frame: int
    codebook_size: int
    code_dim: int
    context_frames: int
    audio_chunk: int
    audio_left: int
    audio_right: int
    feedback_lag: int
    map_channels: list[ShortText]


class Decode(StrEnum):
    """How motion comes from the chances of the tokens."""

    DRAW = "draw"
    """One token is drawn, by ``temperature`` and ``seed``."""
    MEAN = "mean"
    """The mean of all code vectors, each weighed by its chance at ``temperature``; nothing is left to dice."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How motion is decoded unless the caller says otherwise."""

    decode: Decode = Decode.DRAW
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.5
    gain: Annotated[float, Meta(gt=0, le=1.3)] = 1.0
    """Decoded motion is multiplied by this: a mean over uncertain codes moves less than people do."""
    feedback_temperature: Annotated[float, Meta(gt=0, le=4)] | None = None
    """With MEAN, the next frame is told the mean at this temperature; None: what is shown."""
    seed: int = 0


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """Reference of the activation test: the package's own voice, null prompt, argmax sampling."""

    voice: str = "reference/voice.wav"
    photo: str = "reference/photo.png"
    tokens: Annotated[list[list[int]], Meta(max_length=500)]
    """Expected token ids, [frames][tokens_per_frame]."""
    opening_mm: Annotated[list[float], Meta(max_length=500)]
    """Expected lip opening, [frames]."""
    min_token_agreement: float = 0.95
    max_opening_error_mm: float = 0.3


class ModelManifest(Versioned, kw_only=True, frozen=True):
    """manifest.json of a whole model."""

    kind: Literal["model"]
    model_id: ShortText
    family: ShortText
    weights_sha256: Sha256
    files: dict[str, FileEntry]
    shape: GraphShape
    sampling: Sampling
    self_test: SelfTest


class DeltaManifest(Versioned, kw_only=True, frozen=True):
    """manifest.json of a LoRA delta: what it starts from, what must come out."""

    kind: Literal["model_delta"]
    model_id: ShortText
    base_weights_sha256: Sha256
    result_weights_sha256: Sha256
    files: dict[str, FileEntry]
    rank: Annotated[int, Meta(ge=1, le=1024)]
    self_test: SelfTest


def weights_hash(tensors: Iterable[tuple[str, tuple[int, ...], bytes | Iterable[bytes]]]) -> str:
    """Hash of the INTEGER weights: the one figure that is equal on every platform.

    ``tensors`` are (name, shape, row-major int8 bytes, at once or in blocks); the order given does not matter.
    """
    digest = hashlib.sha256()
    for name, shape, data in sorted(tensors, key=lambda item: item[0]):
        digest.update(f"{name}\0{','.join(map(str, shape))}\0{math.prod(shape)}\0".encode())
        for block in (data,) if isinstance(data, bytes) else data:
            digest.update(block)
    return digest.hexdigest()
