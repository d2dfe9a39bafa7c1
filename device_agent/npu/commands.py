"""Commands of npu: ``device-agent bench-on-board``."""

import argparse
import json
import sys
from pathlib import Path

RUNS = 100
EPILOG = """On the board: copy the folder that model-pipeline npu --out wrote, then run this. Under "board" it adds
the name of the board, and for each graph and precision median_ms, p90_ms and runs, on one core of the NPU.

example: device-agent bench-on-board --compiled npu/ --json npu-board.json
"""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "bench-on-board", help="time compiled graphs on this board's NPU and fill the compiler's report",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--compiled", type=Path, required=True, help="folder with npu.json and the .rknn files")
    parser.add_argument("--runs", type=_runs, default=RUNS, help="runs of each graph (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here (default: standard output)")
    parser.set_defaults(run=_bench)


def _runs(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of runs from 1")
    return int(text)


def _bench(arguments: argparse.Namespace) -> int:
    from device_agent.errors import ModelError
    from device_agent.npu.board import BoardTimer, require_npu
    from device_agent.npu.fill import filled

    name = require_npu()
    try:
        report = json.loads((arguments.compiled / "npu.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{arguments.compiled}/npu.json cannot be read ({error}); make it: model-pipeline npu --out DIR"
        ) from error
    board = {"name": name, "core": "one NPU core", "inputs": "zeros"}
    text = json.dumps(filled(report, BoardTimer(arguments.compiled, arguments.runs), board), indent=1) + "\n"
    if arguments.json:
        arguments.json.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0
