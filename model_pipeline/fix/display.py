"""What a person sees of a fix: the step, the training's progress, and the table before and after."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from model_pipeline.fix.guard import Scores
from model_pipeline.fix.result import Result
from model_pipeline.fix.train import Progress as Check

NUMBERS = {
    "silence_sd_mm": "movement in silence, sd, mm",
    "silence_mean_mm": "opening in silence, mean, mm",
    "amplitude_mm": "amplitude, mm",
    "r_expected": "r with the expected opening",
    "lag_frames": "lag, frames",
    "jitter_mm": "jitter, mm",
}


class TrainingBar:
    """A bar that fills with the time given to training; plain lines where there is no terminal."""

    def __init__(self, seconds: float) -> None:
        self._console = Console()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("training", total=seconds, visible=False)

    def __enter__(self) -> "TrainingBar":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, step: str) -> None:
        """Name the step that begins."""
        self._console.print(step)

    def tick(self, check: Check) -> None:
        """Show a check on the held-out samples."""
        label = f"step {check.step}: held-out cost {check.validation:.3f}"
        self._progress.update(self._task, completed=check.seconds, description=label, visible=True)
        self._console.print(f"  {label} after {check.seconds:.0f} s")


def result_table(result: Result) -> None:
    """Print the figures before and after."""
    table = Table(title="measured on the graphs that a frame runs")
    for column in ("figure", "own voice before", "after", "replay before", "after"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    sides = (*result.complaint_scores, *result.replay_scores)
    for name in sorted({name for scores in sides for name in scores.shares}):
        table.add_row(f"share of {name} sounds that reach their shape", *(_share(scores, name) for scores in sides))
    for name, title in NUMBERS.items():
        table.add_row(title, *(_shown(getattr(scores, name)) for scores in sides))
    Console().print(table)


def _share(scores: Scores, name: str) -> str:
    return _shown(scores.shares.get(name))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
