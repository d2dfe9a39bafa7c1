"""Which graphs are compiled, in which precisions, and what is demanded of them."""

from dataclasses import dataclass

TARGET = "rk3588"
FP16, W8A8, W16A16 = "fp16", "w8a8", "w16a16i_dfp"
PRECISIONS = (FP16, W8A8, W16A16)
"""What the compiler accepts for this chip: floats, or integers with static activations, one scale for each tensor."""
SHIPPED = FP16
"""The precision that is held to the limits below; the others are measured beside it."""
MIN_COSINE = 0.999
"""Of every output and frame, simulator against float32 in ONNX Runtime."""
MAX_AMPLITUDE_ERROR = 0.03
"""Of the standard deviation of the lip opening over a spoken voice, the token loop running freely."""


@dataclass(frozen=True)
class Graph:
    """One graph of a package."""

    name: str
    runs: str
    """How often a frame runs it."""
    in_loop: bool
    """Whether every video frame waits for it; such a graph may have no operation on the CPU."""
    without_rules: tuple[str, ...] = ()
    """Rules of the compiler that must not be tried on it."""


NO_MASK_CRASH = "fuse_exmatmul_add_mul_exsoftmax13_exmatmul_to_sdpa"
"""rknn-toolkit2 2.5.0 fails with an IndexError in this fusion where attention has no mask."""
GRAPHS = (
    Graph("step", "once a video frame", in_loop=True),
    Graph("decoder", "once a video frame", in_loop=True),
    Graph("audio", "once every 12 video frames", in_loop=True),
    Graph("tongue", "once every 12 video frames", in_loop=True),
    Graph("repair", "once a video frame whose lips are apart", in_loop=True),
    Graph("prompt", "once a photo", in_loop=False, without_rules=(NO_MASK_CRASH,)),
)
"""A graph that joins the package (docs/protocol.md, "Graphs") is one line here."""
