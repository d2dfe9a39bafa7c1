"""Commands of npu: ``npu``."""

import argparse
import json
import sys
from pathlib import Path

from model_pipeline.npu.plan import GRAPHS, PRECISIONS

SECONDS = 4.0
HELP = """keys of the JSON:
  graphs.GRAPH.precisions.PRECISION
    compiler_estimate   operations by place and type, cycles (the compiler gives none for attention, norms and moves
                        of data), DDR traffic, memory
    simulator           worst and mean cosine of each output against float32, on the inputs of a spoken sentence
    file_bytes, sha256  of the .rknn file
    board               null, until device-agent bench-on-board has filled it
  token_loop.PRECISION  amplitude_ratio (standard deviation of the lip opening, simulator / float32), opening_r, ...

exit code 1: a graph of the token loop has operations on the CPU in fp16, a cosine is below 0.999, or the opening
amplitude is off by more than 3 %

example: model-pipeline npu --out .cache/npu --json npu.json
"""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "npu",
        help="compile the graphs for the RK3588 and compare its simulator with float32 (make rknn)",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for .rknn files, graphs and the compiler's logs"
    )
    parser.add_argument("--weights", type=Path, help="folder of weights.safetensors (default: the ones that ship)")
    parser.add_argument(
        "--precision", choices=PRECISIONS, nargs="+", default=list(PRECISIONS), help="precisions (default: all)"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="seconds of the reading that is spoken (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure (default: OUT/npu.json)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the tables as Markdown")
    parser.set_defaults(run=_npu)


def _npu(arguments: argparse.Namespace) -> int:
    from model_pipeline.export.package import WEIGHTS_DIR
    from model_pipeline.npu.page import page
    from model_pipeline.npu.run import compile_all, prepare, shortfalls
    from model_pipeline.npu.show import print_report
    from model_pipeline.npu.simulate import compiler_python
    from model_pipeline.progress import pieces

    compiler_python()
    precisions = tuple(p for p in PRECISIONS if p in arguments.precision)
    with pieces("compile and simulate", 1 + len(precisions) * (len(GRAPHS) + 1)) as advance:
        material = prepare(arguments.weights or WEIGHTS_DIR, arguments.out, arguments.seconds)
        advance()
        report = compile_all(material, precisions, advance)
    text = json.dumps(report, indent=1) + "\n"
    (arguments.json or arguments.out / "npu.json").write_text(text, encoding="utf-8")
    print_report(report)
    if arguments.report:
        arguments.report.write_text(page(report), encoding="utf-8")
    missed = shortfalls(report)
    for sentence in missed:
        sys.stderr.write(f"model-pipeline npu: {sentence}\n")
    return 1 if missed else 0
