"""Progress on the terminal and curves for TensorBoard."""

from pathlib import Path
from types import TracebackType

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch.utils.tensorboard import SummaryWriter

from model_pipeline.training.loop import Figures

LOG_EVERY = 10
"""Steps between two points of a TensorBoard curve."""


class Display:
    """A ``Watcher`` that shows one bar for each stage."""

    def __init__(self, out: Path) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TimeRemainingColumn(), TextColumn("loss {task.fields[loss]}"),
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}
        self._writer = SummaryWriter(str(out / "tensorboard"))

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._writer.close()

    def stage(self, name: str, steps: int, done: int) -> None:
        """A stage begins, or goes on, at step ``done``."""
        self._tasks[name] = self._progress.add_task(name, total=steps, completed=done, loss="-")

    def step(self, name: str, done: int, figures: Figures) -> None:
        """A step is done."""
        self._progress.update(self._tasks[name], completed=done, loss=f"{figures['loss']:.3f}")
        if done % LOG_EVERY == 0:
            for figure, value in figures.items():
                self._writer.add_scalar(f"{name}/{figure}", value, done)
