"""Where pictures go: the screen of a frame, or nowhere."""

from typing import Protocol

from numpy.typing import NDArray


class Picture(Protocol):
    """A decoded frame; its pixels are converted only when a sink asks for them."""

    def to_ndarray(self, *, format: str) -> NDArray:  # type: ignore[type-arg]
        """Return the pixels, ``rgb24`` or ``yuv420p``."""
        ...


class Sink(Protocol):
    """Shows pictures. A display of a frame is another class with these methods."""

    def open(self, width: int, height: int) -> None:
        """Get ready for pictures of this size."""

    def show(self, picture: Picture) -> None:
        """Show one picture; returning means that it really was shown."""

    def close(self) -> None:
        """Let go of the display."""


class NullSink:
    """Shows nothing and counts: for tests, demonstrations and frames without a display."""

    def __init__(self) -> None:
        self.shown = 0

    def open(self, width: int, height: int) -> None:
        """Accept any size."""

    def show(self, picture: Picture) -> None:
        """Count the picture."""
        self.shown += 1

    def close(self) -> None:
        """Nothing to let go of."""
