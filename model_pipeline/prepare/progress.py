"""How stages report progress: a function that takes the share done of one clip."""

from collections.abc import Callable

Tick = Callable[[float], None]
"""Called with 0..1 while a stage works on a clip."""


def silent(share: float) -> None:
    """Show nothing."""
