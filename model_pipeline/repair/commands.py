"""Commands of repair: ``train-repair`` and ``check-repair``."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from model_pipeline.options import positive

if TYPE_CHECKING:
    from model_pipeline.repair.examples import Examples

HEADS, UNSEEN_HEADS = 20, 10
SIZE_PX = 384
EXAMPLES = "examples"
DEFAULT_EXAMPLES = Path(".cache") / "train-repair" / EXAMPLES
TRAIN = """Photographs rendered heads with their mouths closed and open, lets the engine open the closed ones, and
trains the network that brings the drawn inside of the mouth nearer to the photographed one. OUT gets examples/ (kept:
a head is drawn once), checkpoint, curves.json, curves.png, TensorBoard events, weights.safetensors (INT8)."""
TRAIN_EXAMPLE = "example: model-pipeline train-repair --out .cache/train-repair   (kill it, run it again: it goes on)"
CHECK_HELP = """rows: drawn, as the engine draws; repaired, with the network
columns, inside the mouth: l1_brightness, l1_colour (levels of 0..255), ssim, gradient (mean difference of slopes to
  the truth's), slope (mean of the picture's own), slope_truth

keys of the JSON:
  v, heads, size, bytes   1; unseen heads read, side of their photos, bytes of the weights
  ms                      processor time of one run of the graph in ONNX Runtime, one thread
  bands.BAND.ROW          BAND is degrees of yaw, or all: mouths, and the columns above

example: model-pipeline check-repair --json repair.json --sheet repair.png
"""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "train-repair",
        help="train the network that corrects the drawn mouth, on rendered heads, resumable",
        description=TRAIN,
        epilog=TRAIN_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for examples, checkpoint, weights and curves")
    parser.add_argument(
        "--pairs", type=positive, default=HEADS, metavar="N", help="heads, each with 4 mouths (default: %(default)s)"
    )
    parser.add_argument("--steps", type=positive, help="steps of the training (default: 360)")
    parser.set_defaults(run=_train)
    parser = subparsers.add_parser(
        "check-repair",
        help="measure drawn and repaired mouths against the truth, on heads that no training saw",
        epilog=CHECK_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--weights", type=Path, help="folder of weights.safetensors (default: the repository's)")
    parser.add_argument(
        "--heads", type=positive, default=UNSEEN_HEADS, metavar="N", help="unseen heads (default: %(default)s)"
    )
    parser.add_argument(
        "--examples", type=Path, default=DEFAULT_EXAMPLES, help="folder in which drawn heads are kept (%(default)s)"
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="write the mouths beside each other, a PNG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.set_defaults(run=_check)


def _gather(folder: Path, seeds: range) -> "list[Examples]":
    """Return the examples of ``seeds``; the engine is packed only where one must be drawn."""
    from safetensors.numpy import load_file

    from frame_protocol.model_package import WEIGHTS
    from model_pipeline.export.engine import packed_engine
    from model_pipeline.export.package import WEIGHTS_DIR
    from model_pipeline.progress import pieces
    from model_pipeline.repair.examples import gather

    maps = load_file(WEIGHTS_DIR / WEIGHTS)["lab.maps"]
    temporary = tempfile.TemporaryDirectory(prefix="liveframe-repair-")
    with temporary as folder_of_engine, pieces("repair: heads", len(seeds)) as advance:
        return gather(
            lambda: packed_engine(None, Path(folder_of_engine)), maps, folder, seeds, size=SIZE_PX, done=advance
        )


def _train(arguments: argparse.Namespace) -> int:
    from model_pipeline.repair.train import STEPS, material, train
    from model_pipeline.training.curves import draw_curves
    from model_pipeline.training.display import Display

    heads = _gather(arguments.out / EXAMPLES, range(arguments.pairs))
    with Display(arguments.out) as display:
        train(material(heads), arguments.out, display, steps=arguments.steps or STEPS)
    draw_curves(arguments.out)
    sys.stdout.write(f"weights and curves are in {arguments.out}; measure them with: model-pipeline check-repair\n")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from frame_protocol.model_package import WEIGHTS
    from model_pipeline.export.parts import REPAIR
    from model_pipeline.repair.check import compare, open_network
    from model_pipeline.repair.report import print_report
    from model_pipeline.repair.sheet import write_sheet
    from model_pipeline.studio.trial import FIRST_HEAD

    weights = arguments.weights or REPAIR.folder
    network, milliseconds = open_network(weights)
    heads = _gather(arguments.examples, range(FIRST_HEAD, FIRST_HEAD + arguments.heads))
    bands = compare(network, heads)
    print_report(bands)
    if arguments.sheet:
        write_sheet(network, heads, arguments.sheet)
    if arguments.json:
        report = {
            "v": 1, "heads": len(heads), "size": SIZE_PX, "bytes": (weights / WEIGHTS).stat().st_size,
            "ms": round(milliseconds, 3), "bands": bands,
        }  # fmt: skip
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"one run of the network: {milliseconds:.2f} ms of one core\n")
    return 0
