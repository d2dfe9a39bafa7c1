"""Commands of the tongue: ``train-tongue`` and ``check-tongue``."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from model_pipeline.options import positive

if TYPE_CHECKING:
    from rich.table import Table

SENTENCES, UNSEEN = 5000, 200
EXAMPLES = "sentences"
TRAIN = """Lets espeak-ng and flite speak, and trains the network that hears how high the tongue's tip stands. OUT
gets sentences/ (kept: a sentence is spoken once), checkpoint, curves.json, curves.png, TensorBoard events,
weights.safetensors (INT8). No recording of a person is used."""
TRAIN_EXAMPLE = "example: model-pipeline train-tongue --out .cache/train-tongue   (kill it, run it again: it goes on)"
CHECK_HELP = """rows, for each kind of speech (unseen synthetic sentences; a LibriVox reader of Debian's
pocketsphinx-testdata; GRID clips of the measured data, where it is there):
  network    the weights
  opening    who sees the lips alone: the narrower the mouth, the higher the tongue
  rule       the rule itself on the same sounds, the most that is to be had
columns:
  r             correlation with the rule's height, frame by frame
  in_order      share of pairs (one L or TH, one vowel, K or P) of which the first is the higher; chance is 0.5
  lateral, dental, open   mean peak of L, of TH, of open vowels
  false_frames  share of frames shown raised where the rule has the tongue low
  sounds        how many L and TH

keys of the JSON: v (1), bytes (of the weights), KIND.ROW.COLUMN with KIND synthetic, reader or grid

example: model-pipeline check-tongue --json tongue.json
"""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "train-tongue",
        help="train the network that hears where the tongue is, on synthetic speech, resumable",
        description=TRAIN,
        epilog=TRAIN_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for sentences, checkpoint, weights, curves")
    parser.add_argument(
        "--sentences", type=positive, default=SENTENCES, metavar="N", help="sentences spoken (default: %(default)s)"
    )
    parser.add_argument("--steps", type=positive, help="steps of the training (default: 3000)")
    parser.set_defaults(run=_train)
    parser = subparsers.add_parser(
        "check-tongue",
        help="measure whether the tongue rises where L and TH are said",
        epilog=CHECK_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--weights", type=Path, help="folder of weights.safetensors (default: the repository's)")
    parser.add_argument(
        "--sentences", type=positive, default=UNSEEN, metavar="N", help="unseen sentences (default: %(default)s)"
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="measured data (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.set_defaults(run=_check)


def _train(arguments: argparse.Namespace) -> int:
    from model_pipeline.progress import pieces
    from model_pipeline.tongue.examples import gather
    from model_pipeline.tongue.train import STEPS, train
    from model_pipeline.training.curves import draw_curves
    from model_pipeline.training.display import Display

    with pieces("tongue: sentences", arguments.sentences) as advance:
        sentences = gather(arguments.out / EXAMPLES, arguments.sentences, advance)
    with Display(arguments.out) as display:
        train(sentences, arguments.out, display, steps=arguments.steps or STEPS)
    draw_curves(arguments.out)
    sys.stdout.write(f"weights and curves are in {arguments.out}; measure them with: model-pipeline check-tongue\n")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from frame_protocol.model_package import WEIGHTS
    from model_pipeline.errors import WeightsUnusable
    from model_pipeline.export.int8 import load_model
    from model_pipeline.export.package import SHIPPED_SAMPLING, WEIGHTS_DIR
    from model_pipeline.export.parts import TONGUE
    from model_pipeline.tongue.check import by_opening, commands, compare, listener, reader, synthetic

    folder = arguments.weights or TONGUE.folder
    net = TONGUE.net_of(TONGUE.load(folder))
    if net is None:
        raise WeightsUnusable(f"{folder / WEIGHTS} holds no tongue; run: model-pipeline train-tongue")
    model = load_model(WEIGHTS_DIR / WEIGHTS).eval()
    listeners = {"network": listener(net), "opening": by_opening(model, SHIPPED_SAMPLING)}
    kinds = {"synthetic": synthetic(arguments.sentences), "reader": reader()}
    if (arguments.data / "tracks").is_dir():
        kinds["grid"] = commands(arguments.data)
    report: dict[str, object] = {"v": 1, "bytes": (folder / WEIGHTS).stat().st_size}
    for kind, sentences in kinds.items():
        rows = compare(listeners, sentences)
        report[kind] = rows
        Console().print(_table(kind, rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


def _table(kind: str, rows: dict[str, dict[str, float]]) -> "Table":
    from rich.table import Table

    columns = list(next(iter(rows.values())))
    table = Table("row", *columns, title=kind)
    for name, figures in rows.items():
        table.add_row(name, *(f"{figures[column]:g}" for column in columns))
    return table
