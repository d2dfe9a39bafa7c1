"""Sizes of a model. The names are those of ``GraphShape`` in the manifest (docs/protocol.md, "Graphs")."""

from dataclasses import dataclass

from frame_protocol.model_package import GraphShape

MAP_CHANNELS = ("upper_dx", "upper_dy", "lower_dx", "lower_dy")
PROMPT_TOKENS = 256
PATCH = 16
REST_FIELDS = 4
"""opening mm, width mm, has_photo, 0."""


@dataclass(frozen=True)
class ModelConfig:
    """Everything that fixes the shapes of weights and graphs."""

    family: str = "nano"
    width: int = 128
    heads: int = 4
    layers: int = 3
    audio_layers: int = 2
    prompt_layers: int = 2
    tokens_per_frame: int = 4
    codebook_size: int = 512
    code_dim: int = 16
    context_frames: int = 25
    audio_chunk: int = 12
    audio_left: int = 17
    audio_right: int = 9
    audio_band: tuple[int, int] = (8, 4)
    """Frames back and ahead that each audio layer sees; with the stem's one: left 17, right 9.

    Lips move up to 0.3 s before the sound that they shape, and the voice is recorded before a frame is drawn.
    """
    feedback_lag: int = 1
    decoder_width: int = 32

    @property
    def head_dim(self) -> int:
        """Channels of one head."""
        return self.width // self.heads

    @property
    def slot(self) -> int:
        """Tokens of one frame: audio, then visual."""
        return 1 + self.tokens_per_frame

    def graph_shape(self) -> GraphShape:
        """Return the sizes as the manifest names them."""
        return GraphShape(
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            head_dim=self.head_dim,
            tokens_per_frame=self.tokens_per_frame,
            codebook_size=self.codebook_size,
            code_dim=self.code_dim,
            context_frames=self.context_frames,
            audio_chunk=self.audio_chunk,
            audio_left=self.audio_left,
            audio_right=self.audio_right,
            feedback_lag=self.feedback_lag,
            map_channels=list(MAP_CHANNELS),
        )


NANO = ModelConfig()
TINY = ModelConfig(
    family="tiny", width=32, heads=2, layers=2, audio_layers=1, prompt_layers=1, codebook_size=32, code_dim=4,
    context_frames=6, audio_chunk=6, audio_left=9, audio_right=2, audio_band=(8, 1),
    decoder_width=8,
)  # fmt: skip
"""For tests: everything that nano has, in a second."""
CONFIGS = {config.family: config for config in (NANO, TINY)}
