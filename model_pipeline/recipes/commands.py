"""Commands of recipes: ``train-nano``."""

import argparse
import sys
from pathlib import Path

DEFAULT_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
"""The measured data beside the checkout (../shared/data)."""
EXAMPLE = "example: model-pipeline train-nano --out .cache/train-nano   (kill it, run it again: it goes on)"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "train-nano",
        help="train the weights that ship, resumable (<= 30 minutes on 2 free cores)",
        description="Trains tokeniser, audio encoder, transformer and visual prompt. Writes to OUT: "
        "weights.safetensors (INT8, for `package`), pretrained.safetensors (for `evaluate`), curves.json, "
        "curves.png, TensorBoard events.",
        epilog=EXAMPLE,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, weights and curves")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the shared data (default: %(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on all steps, to try things out (default 1)")
    parser.set_defaults(run=_train)


def _train(arguments: argparse.Namespace) -> int:
    from model_pipeline.recipes.nano import train_nano
    from model_pipeline.training.curves import draw_curves
    from model_pipeline.training.display import Display
    from model_pipeline.training.stages import Sizes, scaled
    from model_pipeline.training.threads import use_cores

    use_cores()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with Display(arguments.out) as display:
        train_nano(arguments.data, arguments.out, scaled(Sizes(), arguments.scale), display)
    draw_curves(arguments.out)
    sys.stdout.write(f"weights, curves and card are in {arguments.out}; pack them with: model-pipeline package\n")
    return 0
