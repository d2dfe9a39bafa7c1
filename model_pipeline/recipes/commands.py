"""Commands of recipes: ``train-nano`` and ``train``."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_pipeline.training.settings import Settings

DEFAULT_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
"""The measured data beside the checkout (../shared/data)."""
TRAIN = """Prepares the videos (see `prepare --help`), tunes the pretrained weights on them and packs the result.
Kill it and run it again: it goes on. OUT gets prepared/ (tracks, photos, report), weights.safetensors, MODEL_CARD.md,
curves.json, curves.png, TensorBoard events and model.lfm."""
TRAIN_EXAMPLE = "example: model-pipeline train --videos recordings --out own   (docs/model/training.md)"
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
    _add_settings(parser)
    parser.set_defaults(run=_train_nano)
    _add_clear(subparsers)
    _add_train(subparsers)


def _add_clear(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "train-clear",
        help="train nano-clear, which a maker may ship: rendered heads and synthetic speech alone",
        description="No track, clip or photo of a person enters. Writes weights.safetensors, curves.json, curves.png "
        "and TensorBoard events to OUT; resumable.",
        epilog="example: model-pipeline train-clear --out .cache/train-clear",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, weights and curves")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on all steps, to try things out (default 1)")
    parser.set_defaults(run=_train_clear)


def _train_clear(arguments: argparse.Namespace) -> int:
    from model_pipeline.evaluate.progress import pieces
    from model_pipeline.recipes.clear import HEADS, PHOTOS, train_clear
    from model_pipeline.training.curves import draw_curves
    from model_pipeline.training.display import Display
    from model_pipeline.training.stages import Sizes, scaled
    from model_pipeline.training.threads import use_cores

    use_cores()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with pieces("heads and photos", HEADS + PHOTOS) as advance, Display(arguments.out) as display:
        train_clear(arguments.out, scaled(Sizes(), arguments.scale), display, advance)
    draw_curves(arguments.out)
    sys.stdout.write(f"weights and curves are in {arguments.out}\n")
    return 0


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--settings", choices=("nano", "brief"), default="nano",
        help="nano: rates and batches of the weights that ship, float32; brief: bf16, 2e-4 with cosine, 1,024 clips "
        "a step in 8 micro-batches, checkpointing: for a larger machine (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--batch", type=_clips, metavar="CLIPS", help="clips of one step (default: that of --settings)"
    )


def _clips(text: str) -> int:
    if not text.isdigit() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of clips from 2")
    return int(text)


def _settings(arguments: argparse.Namespace) -> "Settings":
    from dataclasses import replace

    from model_pipeline.training.settings import SETTINGS

    chosen = SETTINGS[arguments.settings]
    return chosen if arguments.batch is None else replace(chosen, batch=arguments.batch)


def _add_train(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "train",
        help="retrain on your own videos: prepare, tune from the pretrained weights, pack",
        description=TRAIN,
        epilog=TRAIN_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of videos, by speaker")
    parser.add_argument("--out", type=Path, required=True, help="folder for everything that comes of it")
    _add_settings(parser)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on all steps, to try things out (default 1)")
    parser.add_argument("--max-minutes", type=float, default=120.0, metavar="N", help="set longer recordings aside")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write report, settings and last figures")
    parser.set_defaults(run=_train_own)


def _train_own(arguments: argparse.Namespace) -> int:
    from model_pipeline.prepare.display import Bars, print_report
    from model_pipeline.prepare.prepare import prepare
    from model_pipeline.recipes.own import PREPARED, train_own
    from model_pipeline.training.curves import draw_curves
    from model_pipeline.training.display import Display
    from model_pipeline.training.stages import Sizes, scaled
    from model_pipeline.training.threads import use_cores

    use_cores()
    settings = _settings(arguments)
    prepared = arguments.out / PREPARED
    with Bars() as bars:
        report = prepare(arguments.videos, prepared, bars.begin, max_minutes=arguments.max_minutes)
    print_report(report)
    with Display(arguments.out) as display:
        trained = train_own(prepared, arguments.out, scaled(Sizes(), arguments.scale), settings, display)
    draw_curves(arguments.out)
    if arguments.json:
        keep = {"v": 1, "settings": settings.as_state(), "prepared": report.as_json(), **trained.as_json()}
        arguments.json.write_text(json.dumps(keep, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{trained.model_id} is in {trained.package}; look at it with: model-pipeline gallery\n")
    return 0


def _train_nano(arguments: argparse.Namespace) -> int:
    from model_pipeline.recipes.nano import train_nano
    from model_pipeline.training.curves import draw_curves
    from model_pipeline.training.display import Display
    from model_pipeline.training.stages import Sizes, scaled
    from model_pipeline.training.threads import use_cores

    use_cores()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with Display(arguments.out) as display:
        sizes = scaled(Sizes(), arguments.scale)
        train_nano(arguments.data, arguments.out, sizes, display, settings=_settings(arguments))
    draw_curves(arguments.out)
    sys.stdout.write(f"weights, curves and card are in {arguments.out}; pack them with: model-pipeline package\n")
    return 0
