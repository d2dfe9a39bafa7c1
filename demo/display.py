"""What the demo shows while it runs, and the table at its end."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Row = tuple[str, str, str]


class Display:
    """A progress bar over the steps; on anything but a terminal, a line per step."""

    def __init__(self, steps: int, console: Console | None = None) -> None:
        """Show ``steps`` steps."""
        self.console = console or Console()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=steps)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show the bar while the block runs."""
        with self._progress:
            yield

    @contextmanager
    def step(self, number: int, title: str) -> Iterator[None]:
        """Show one step and how long it took."""
        self._progress.update(self._task, description=title)
        started = time.monotonic()
        yield
        self.console.print(f"  {number}. {title} [dim]{time.monotonic() - started:.1f} s[/dim]")
        self._progress.advance(self._task)

    def note(self, text: str) -> None:
        """Print a line that belongs to the step."""
        self.console.print(f"     {text}", highlight=False)

    def table(self, title: str, rows: Sequence[Row]) -> None:
        """Print the figures: what, before the update, after it."""
        table = Table(title=title, title_justify="left")
        table.add_column("figure")
        table.add_column("first video", justify="right")
        table.add_column("after the update", justify="right")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)
