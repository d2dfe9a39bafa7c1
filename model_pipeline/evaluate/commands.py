"""Commands of evaluate: ``evaluate`` scores speakers held out, ``check-speech`` the mouth on synthetic speech."""

import argparse
import json
from pathlib import Path

from model_pipeline.recipes.commands import DEFAULT_DATA

EVALUATE_HELP = """keys of the JSON:
  v                     1
  settings              decode, temperature, seed and tuning steps
  rows.ROW              means over clips: r_opening, r_width (Pearson), mpjpe_centred_mm, mpjpe_mm (40 lip points),
                        amplitude_ratio (sd of opening, predicted / real), lag_frames (median; + = late),
                        jitter_ratio (mean |2nd difference| of opening, predicted / real), r_opening_by_seconds
  clips.ROW.CLIP        the same for each clip
rows: static, loudness, ridge (baselines); argmax (likeliest tokens), drawn (tokens by chance, temperature
      0.15), shipped (what packages carry: the mean of the codes)

example: model-pipeline evaluate --json scores.json
"""
SPEECH_EXAMPLE = "example: model-pipeline check-speech --plot mouth.png"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    _add_evaluate(subparsers)
    parser = subparsers.add_parser(
        "check-speech", help="lips on synthetic speech: closed on P/B/M and in silence", epilog=SPEECH_EXAMPLE
    )
    parser.add_argument("--weights", type=Path, help="folder of weights (default: the ones that ship)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw opening curves (PNG)")
    parser.set_defaults(run=_check_speech)


def _add_evaluate(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "evaluate",
        help="score the model on speakers held out (needs the shared data)",
        epilog=EVALUATE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the shared data (default: %(default)s)")
    parser.add_argument(
        "--weights", type=Path, help="folder with pretrained.safetensors (default: the ones that ship)"
    )
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="folds to run (default: all)")
    parser.add_argument(
        "--temperature", type=float, help="sharpness of the row shipped (default: what packages carry)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.set_defaults(run=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    import msgspec

    from model_pipeline.evaluate.progress import pieces
    from model_pipeline.evaluate.run import evaluate
    from model_pipeline.evaluate.table import print_table
    from model_pipeline.export.package import SHIPPED_SAMPLING, WEIGHTS_DIR
    from model_pipeline.recipes.nano import PRETRAINED
    from model_pipeline.training.stages import Sizes

    sampling = SHIPPED_SAMPLING
    if arguments.temperature is not None:
        sampling = msgspec.structs.replace(sampling, temperature=arguments.temperature)
    weights = (arguments.weights or WEIGHTS_DIR) / PRETRAINED
    with pieces("folds: train, then score", len(arguments.folds)) as advance:
        report = evaluate(
            arguments.data, weights, sampling, chosen=arguments.folds, sizes=Sizes(), done=lambda _: advance()
        )
    print_table(report.table(), len(report.seconds))
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(), indent=1) + "\n", encoding="utf-8")
    return 0


def _check_speech(arguments: argparse.Namespace) -> int:
    from frame_protocol.model_package import WEIGHTS
    from model_pipeline.evaluate.speech import check_speech, draw, without_photo
    from model_pipeline.evaluate.table import print_figures
    from model_pipeline.export.int8 import load_model
    from model_pipeline.export.package import SHIPPED_SAMPLING, WEIGHTS_DIR

    model = load_model((arguments.weights or WEIGHTS_DIR) / WEIGHTS)
    curves, figures = check_speech(without_photo(model, SHIPPED_SAMPLING), model.points.numpy())
    print_figures(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps({"v": 1, **figures}, indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        draw(arguments.plot, curves)
    return 0
