"""The figures of ``check-repair`` as a table."""

from rich.console import Console
from rich.table import Table

from model_pipeline.repair.check import Row


def print_report(bands: dict[str, dict[str, Row]]) -> None:
    """Print one row for each yaw band and picture."""
    table = Table(title="inside the mouth, unseen rendered heads")
    columns = list(next(iter(next(iter(bands.values())).values()))) if bands else []
    for title in ("yaw", "picture", *columns):
        table.add_column(title, justify="right")
    for band, rows in bands.items():
        for name, row in rows.items():
            table.add_row(band, name, *(f"{row[column]:g}" for column in columns))
    Console().print(table)
