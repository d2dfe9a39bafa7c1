"""Scores as a table on the terminal."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

COLUMNS = {
    "r_opening": ("r opening", "{:.2f}"), "r_opening_by_seconds": ("by seconds", "{:.2f}"),
    "r_width": ("r width", "{:.2f}"),
    "mpjpe_centred_mm": ("centred mm", "{:.2f}"), "mpjpe_mm": ("from photo mm", "{:.2f}"),
    "amplitude_ratio": ("amplitude", "{:.2f}"),
    "lag_frames": ("lag", "{:+.0f}"), "jitter_ratio": ("jitter", "{:.2f}"),
}  # fmt: skip


def print_table(rows: Mapping[str, Mapping[str, float]], clips: int) -> None:
    """Print one line for each row."""
    table = Table(title=f"{clips} clips of speakers held out; means over clips")
    table.add_column("row")
    for title, _ in COLUMNS.values():
        table.add_column(title, justify="right")
    for row, figures in rows.items():
        table.add_row(row, *(shape.format(figures[name]) for name, (_, shape) in COLUMNS.items()))
    Console().print(table)


def print_figures(figures: Mapping[str, float]) -> None:
    """Print names and values."""
    table = Table(show_header=False)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:.2f}")
    Console().print(table)
