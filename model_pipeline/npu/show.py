"""The report as tables on the terminal."""

from rich.console import Console
from rich.table import Table

from model_pipeline.npu.run import Report

COLUMNS = (
    "graph", "precision", "NPU\nops", "CPU\nops", "cycles", "DDR\nKB", "memory\nKB", "weights\nKB",
    "worst\ncosine",
)  # fmt: skip


def rows(report: Report) -> list[tuple[str, ...]]:
    """Return one row for each graph and precision."""
    found = []
    for name, graph in report["graphs"].items():  # type: ignore[attr-defined]
        for precision, figures in graph["precisions"].items():
            if "refused" in figures:
                found.append((name, precision, "refused", *[""] * (len(COLUMNS) - 3)))
                continue
            estimate = figures["compiler_estimate"]
            worst = min(values["min"] for values in figures["simulator"]["cosine"].values())
            found.append((
                name, precision, str(estimate["npu_operations"]), str(estimate["cpu_operations"]),
                f"{estimate['total_cycles']:,}", f"{estimate['ddr_traffic_kb']:,}",
                f"{estimate['internal_memory_kb']:,.0f}", f"{estimate['weight_memory_kb']:,.0f}", f"{worst:.5f}",
            ))  # fmt: skip
    return found


def print_report(report: Report) -> None:
    """Print both tables; every column says where its figures come from."""
    table = Table(title=f"{report['target']}: compiler estimate; cosine: simulator against float32 on a CPU")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in COLUMNS[:2] else "right")
    for row in rows(report):
        table.add_row(*row)
    console = Console()
    console.print(table)
    table = Table(title=f"token loop in the simulator, {report['voice']}, {report['seconds']} s")
    for column in ("precision", "frames", "opening\namplitude", "r opening", "difference\nmm", "in float32"):
        table.add_column(column, justify="right")
    for precision, figures in report["token_loop"].items():  # type: ignore[attr-defined]
        table.add_row(
            precision, str(figures["frames"]), f"{figures['amplitude_ratio']:.4f}", f"{figures['opening_r']:.4f}",
            f"{figures['mean_difference_mm']:.3f}", ", ".join(figures["float32"]) or "nothing",
        )  # fmt: skip
    console.print(table)
