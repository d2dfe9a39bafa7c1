"""Times from a board put into the compiler's report (``model-pipeline npu --json``)."""

import copy
import statistics
from collections.abc import Callable
from typing import Any

from device_agent.errors import ModelError

REPORT_VERSION = 1
PERCENTILE = 90

Timer = Callable[[str, dict[str, list[int]]], list[float]]
"""File name and input shapes -> milliseconds of each run."""


def filled(report: dict[str, Any], timer: Timer, board: dict[str, str]) -> dict[str, Any]:
    """Return the report with ``board`` set for every graph that was compiled; raises ModelError."""
    if report.get("v") != REPORT_VERSION or "graphs" not in report:
        raise ModelError(
            f"this is no report of version {REPORT_VERSION} with graphs; make one: model-pipeline npu --json FILE"
        )
    result = copy.deepcopy(report)
    result["board"] = board
    for name, graph in result["graphs"].items():
        for precision, figures in graph["precisions"].items():
            if "refused" not in figures:
                figures["board"] = summary(timer(f"{name}.{precision}.rknn", graph["inputs"]))
    return result


def summary(milliseconds: list[float]) -> dict[str, float]:
    """Median, 90th percentile and number of runs."""
    ordered = sorted(milliseconds)
    place = min(len(ordered) - 1, len(ordered) * PERCENTILE // 100)
    return {
        "median_ms": round(statistics.median(ordered), 3),
        "p90_ms": round(ordered[place], 3),
        "runs": len(ordered),
    }
