"""Decodes a video file picture by picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from device_agent.errors import VideoError
from device_agent.playback.sink import Picture


@dataclass(frozen=True)
class VideoFacts:
    """What the file announces."""

    width: int
    height: int
    frames: int
    seconds: float
    tags: dict[str, str]


class VideoReader:
    """An open video file; a ``with`` block closes it."""

    def __init__(self, path: Path) -> None:
        try:
            self._container = av.open(str(path), metadata_errors="ignore")
            self._stream = self._container.streams.video[0]
        except (av.FFmpegError, OSError, IndexError) as error:
            raise VideoError(f"{path} is not a video that can be played ({error}); render it again") from error
        self._path = path
        self._stream.thread_type = "AUTO"
        seconds = float((self._stream.duration or 0) * (self._stream.time_base or 0))
        rate = float(self._stream.average_rate or 25)
        self.facts = VideoFacts(
            self._stream.width, self._stream.height, self._stream.frames or round(seconds * rate), seconds,
            dict(self._container.metadata),
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def pictures(self) -> Iterator[tuple[float, Picture]]:
        """Yield (second, picture) in the order in which they are shown."""
        try:
            for frame in self._container.decode(self._stream):
                yield float(frame.time or 0.0), frame
        except (av.FFmpegError, OSError) as error:
            raise VideoError(f"{self._path} is damaged ({error}); render it again") from error
