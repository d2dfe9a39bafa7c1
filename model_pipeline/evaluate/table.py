"""Scores as tables on the terminal."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from model_pipeline.evaluate.report import Report

WIDE = 150
"""Columns of text where nobody says how wide the page is: a file, a log."""
COLUMNS = {
    "r_opening": ("r opening", "{:.2f}"), "r_opening_sd_of_seeds": ("± seeds", "{:.2f}"),
    "r_opening_grid": ("GRID", "{:.2f}"), "r_opening_rest": ("rest", "{:.2f}"),
    "r_width": ("r width", "{:.2f}"),
    "mpjpe_centred_mm": ("centred mm", "{:.2f}"), "amplitude_ratio": ("amplitude", "{:.2f}"),
    "lag_frames": ("lag", "{:+.0f}"), "lag_near_share": ("|lag| ≤ 1", "{:.0%}"),
    "jitter_mm": ("jitter mm/f²", "{:.2f}"), "sync_r": ("sync r", "{:.2f}"), "sync_confidence": ("conf.", "{:.2f}"),
}  # fmt: skip


def print_report(report: Report) -> None:
    """Print every row, then what stands apart from them."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    seeds = report.settings["seeds"]
    table = Table(title=f"{len(report.seconds)} clips of speakers held out; means over clips and {seeds} seed(s)")
    table.add_column("row")
    for title, _ in COLUMNS.values():
        table.add_column(title, justify="right")
    for row, figures in report.table().items():
        table.add_row(row, *(shape.format(figures[name]) for name, (_, shape) in COLUMNS.items()))
    console.print(table)
    for row, sync in report.sync_of_long_clips().items():
        console.print(f"judge, clips of 8 s and more, {row}: r {sync['r']:.2f}, confidence {sync['confidence']:.2f}")
    for row, flow in report.flow.items():
        console.print(
            f"adjacent frames, {row}: centred {flow['centred']:.3f}, uncentred (the maker's) {flow['uncentred']:.3f}"
        )
    for book, (used, perplexity) in report.codebook.items():
        console.print(f"codebook, {book}: {used:.1%} of the codes used, perplexity {perplexity:.0f}")
    console.print("settings chosen by the other folds: " + ", ".join(f"{k}: {v}" for k, v in report.chosen.items()))
    console.print(f"lag counted on {len(report.trusted)} clips: {' '.join(report.trusted)}")


def print_figures(figures: Mapping[str, float]) -> None:
    """Print names and values."""
    table = Table(show_header=False)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:.2f}")
    Console().print(table)
