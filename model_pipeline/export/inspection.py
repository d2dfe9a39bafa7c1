"""What a weights file holds."""

from collections import defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from safetensors.numpy import load_file

from model_pipeline.errors import WeightsUnusable
from model_pipeline.export.int8 import LABORATORY, integer_hash


def print_parts(weights: Path) -> None:
    """Print parameters and bytes of each part of a weights file, and the hash of its integers."""
    if not weights.is_file():
        raise WeightsUnusable(f"{weights} is missing; train weights with: make train-nano")
    tensors = load_file(weights)
    parts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for name, array in tensors.items():
        part = "laboratory only" if name.startswith(LABORATORY) else name.split(".", maxsplit=1)[0]
        parts[part][0] += array.size if name.endswith(".q") else 0
        parts[part][1] += 0 if name.endswith(".q") else array.size
        parts[part][2] += array.nbytes
    table = Table(title=f"{weights.name}: integers {integer_hash(tensors)[:16]}")
    for title in ("part", "int8 weights", "float32 values", "bytes"):
        table.add_column(title, justify="left" if title == "part" else "right")
    for part, (integers, floats, size) in sorted(parts.items()):
        table.add_row(part, f"{integers:,}", f"{floats:,}", f"{size:,}")
    table.add_row("total", *(f"{sum(values[i] for values in parts.values()):,}" for i in range(3)))
    Console().print(table)
