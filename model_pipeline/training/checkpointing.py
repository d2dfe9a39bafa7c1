"""Activation checkpointing (Chen et al., arXiv:1604.06174): layers are run again on the way back, not remembered.

The numbers are those of plain training, bit for bit: the layers draw no random numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from model_pipeline.models.audio import AudioLayer
from model_pipeline.models.prompt import PromptLayer
from model_pipeline.models.spacetime import Block


@contextmanager
def checkpointed(model: nn.Module, *, on: bool) -> Iterator[None]:
    """Checkpoint the layers of ``model`` that run inside the block, when ``on``."""
    again = list(_parts(model)) if on else []
    for module, method in again:
        module.__dict__[method] = partial(
            checkpoint, getattr(module, method), use_reentrant=False, preserve_rng_state=False
        )
    try:
        yield
    finally:
        for module, method in again:
            del module.__dict__[method]


def _parts(model: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Yield what is run again: whole layers, and the two halves of a block, whose order its owner decides."""
    for module in model.modules():
        if isinstance(module, AudioLayer | PromptLayer):
            yield module, "forward"
        if isinstance(module, Block):
            yield module, "attend"
            yield module.feed, "forward"
