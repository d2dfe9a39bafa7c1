"""The table of ablations as Markdown."""

import math
from collections.abc import Mapping

from model_pipeline.ablate.run import Figures
from model_pipeline.ablate.variants import VARIANTS

COLUMNS = {
    "r_opening": ("r opening", "{:.2f}"), "r_width": ("r width", "{:.2f}"), "amplitude": ("amplitude", "{:.2f}"),
    "jitter_mm": ("jitter mm/f²", "{:.2f}"), "closures": ("P/B/M closed", "{:.0%}"),
    "lip_error_mm": ("codes: lips mm", "{:.2f}"), "codes_used": ("codes used", "{:.0%}"),
    "perplexity": ("perplexity", "{:.0f}"), "ms_per_frame": ("ms a frame", "{:.1f}"),
}  # fmt: skip


def table(rows: Mapping[str, Figures]) -> str:
    """Return the rows that were measured, in the order of VARIANTS."""
    titles = [title for title, _ in COLUMNS.values()]
    lines = ["| variant | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for variant in VARIANTS:
        if variant.name in rows:
            values = [_cell(getattr(rows[variant.name], name), form) for name, (_, form) in COLUMNS.items()]
            lines.append(f"| {variant.title} | " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: float, form: str) -> str:
    return "" if math.isnan(value) else form.format(value)
