"""The tables of a compilation as Markdown: ``--report docs/model/npu-tables.md``."""

from collections.abc import Iterable, Mapping
from typing import Any

TITLE = """# The graphs on the RK3588's NPU: tables

Written by `make rknn REPORT=docs/model/npu-tables.md`; not edited by hand. [npu.md](npu.md) says what they mean.
Operations, cycles, traffic and memory are a *compiler estimate*, cosines and the token loop come from the *simulator*
on an x86 CPU; no board has run it.

"""


def page(report: Mapping[str, Any]) -> str:
    """Return the page of a report of ``run.compile_all``."""
    graphs, loop = report["graphs"], report["token_loop"]
    estimates = [
        _estimate(name, graph, precision, found)
        for name, graph in graphs.items()
        for precision, found in graph["precisions"].items()
    ]
    precisions = list(dict.fromkeys(p for graph in graphs.values() for p in graph["precisions"]))
    cosines = [[name, *(_cosine(graph["precisions"].get(p)) for p in precisions)] for name, graph in graphs.items()]
    played = [
        [
            precision, f"{found['amplitude_ratio']:.4f}", f"{found['opening_r']:.4f}",
            f"{found['mean_difference_mm']:.3f}", f"{found['largest_difference_mm']:.3f}",
            ", ".join(found["float32"]) or "nothing",
        ]
        for precision, found in loop.items()
    ]  # fmt: skip
    return (
        TITLE
        + f"Weights `{report['model_id']}`, target `{report['target']}`.\n\n"
        + _table(
            ("graph", "runs", "precision", "NPU operations", "CPU operations", "cycles", "DDR KB", "internal KB",
             "weights KB"),
            estimates,
        )
        + "\nWorst cosine of any output over all inputs of the judged voice, against float32 in ONNX Runtime:\n\n"
        + _table(("graph", *precisions), cosines)
        + "\nThe whole token loop in the simulator, its own codes fed back:\n\n"
        + _table(("precision", "opening amplitude", "r of the opening", "mean difference mm", "largest mm",
                  "in float32"), played)
    )  # fmt: skip


def _estimate(name: str, graph: Mapping[str, Any], precision: str, found: Mapping[str, Any]) -> list[str]:
    if "refused" in found:
        return [name, graph["runs"], precision, "refused", "", "", "", "", ""]
    told = found["compiler_estimate"]
    figures = ("npu_operations", "cpu_operations", "total_cycles", "ddr_traffic_kb", "internal_memory_kb",
               "weight_memory_kb")  # fmt: skip
    return [name, graph["runs"], precision, *(f"{told[figure]:,.0f}" for figure in figures)]


def _cosine(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    if "refused" in found:
        return "refused"
    return ", ".join(f"{output} {value['min']:.4f}" for output, value in found["simulator"]["cosine"].items())


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(titles)
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
