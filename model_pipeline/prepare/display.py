"""What a person sees of a preparation: a bar for each stage, then a table and what was set aside."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from model_pipeline.prepare.progress import Tick
from model_pipeline.prepare.report import Report

SHOWN = 12
"""Reasons listed on the terminal; the report holds all."""


class Bars:
    """One bar a stage, on stderr."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<9}"), BarColumn(), TextColumn("{task.completed:.1f}/{task.total}"),
            TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True),
        )  # fmt: skip

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, name: str, count: int) -> Tick:
        """Begin the bar of a stage with ``count`` inputs."""
        task = self._progress.add_task(name, total=count)
        return lambda done: self._progress.update(task, completed=done)


def print_report(report: Report) -> None:
    """Print what each stage kept, and the reasons of what it did not."""
    table = Table(title=f"{report.recordings} recordings, {report.seconds:.1f} s to train on, {report.photos} photos")
    for column in ("stage", "inputs", "clips", "seconds in", "seconds out", "measured"):
        table.add_column(column, justify="left" if column in {"stage", "measured"} else "right")
    for stage in report.stages:
        figures = ", ".join(f"{name} {value:.3g}" for name, value in stage.means().items())
        table.add_row(
            stage.name, str(stage.inputs), str(stage.clips), f"{stage.seconds_in:.1f}", f"{stage.seconds_out:.1f}",
            figures,
        )  # fmt: skip
    console = Console()
    console.print(table)
    entries = report.quarantine()
    for entry in entries[:SHOWN]:
        detail = f" ({entry['detail']})" if entry["detail"] else ""
        console.print(
            f"set aside: {entry['recording']}, {entry['seconds']:.1f} s, "
            f"{entry['why']}{detail}: {entry['what_to_do']}",
            markup=False, highlight=False,
        )  # fmt: skip
    if len(entries) > SHOWN:
        console.print(f"... and {len(entries) - SHOWN} more in report.json", markup=False)
