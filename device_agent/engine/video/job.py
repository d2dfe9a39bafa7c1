"""What the encoder process is told, what it answers, and the one-byte messages in between."""

import msgspec

END = 255
"""Message to the encoder: no more frames. Every other value is the number of a drawn slot."""


class EncodeJob(msgspec.Struct, frozen=True, kw_only=True):
    """One video to write. The sound is 16-bit mono at ``sound_rate`` behind ``sound_descriptor``."""

    path: str
    width: int
    height: int
    fps: int
    preset: str
    crf: int
    threads: int
    frames_descriptor: int
    sound_descriptor: int
    sound_rate: int
    sound_samples: int
    metadata: dict[str, str]


class EncodeResult(msgspec.Struct, frozen=True, kw_only=True):
    """How it went; ``error`` is empty on success, ``storage`` says that the disk was the cause."""

    error: str = ""
    storage: bool = False
    frames: int = 0
    encode_seconds: float = 0.0
    processor_seconds: float = 0.0
    """What the encoder process took of all cores, from its start on."""
    peak_memory_mb: float = 0.0
