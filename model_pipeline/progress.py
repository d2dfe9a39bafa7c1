"""A bar on the terminal for work in a few long pieces."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def pieces(title: str, count: int) -> Iterator[Callable[[], None]]:
    """Give a function to be called after each of ``count`` pieces; the bar is on stderr."""
    columns = (SpinnerColumn(), TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=count)
        yield lambda: progress.advance(task)
