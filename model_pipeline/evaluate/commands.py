"""Commands of evaluate: ``evaluate`` scores speakers held out, ``check-speech`` the mouth on synthetic speech."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_pipeline.evaluate.report import Report

from model_pipeline.evaluate import heads
from model_pipeline.places import DEFAULT_DATA, EVALUATE_WORK

EVALUATE_HELP = """rows: static, loudness, ridge, conv net (a plain regressor of 170 k parameters trained on the same
      folds);
      argmax (likeliest codes), drawn (codes by chance), mean at T x G, told F (mean of the codes at
      temperature T, times the gain G, the next frame told the mean at temperature F);
      ours: the mean at the setting that was best on the other folds (of those whose amplitude is
      0.8 to 1.2); truth and mismatched for the judge alone

keys of the JSON:
  v                     2
  settings              sizes of the training, seeds, digest of weights and code
  chosen                fold and seed -> row that became ``ours``
  rows.ROW              means over clips and seeds: r_opening, r_width (Pearson), mpjpe_centred_mm, mpjpe_mm (40 lip
                        points), amplitude_ratio (sd of opening, predicted / real), lag_frames (median; + = late),
                        lag_near_share (|lag| <= 1 frame, clips whose own lag is trusted), jitter_mm (mean |2nd
                        difference| of opening, mm/frame^2), jitter_ratio (over the real one), sync_r,
                        sync_confidence,
                        r_opening_by_seconds, r_opening_grid, r_opening_rest, r_opening_sd_of_seeds
  flow.ROW              cosine of adjacent frames' codes, centred and uncentred; truth: real motion, encoded
  codebook              what -> [share of the codes used, perplexity]
  r_opening_by_fold.ROW.FOLD  settings were made while folds 0 and 2 were looked at; the others never were
  sync_long.ROW         the judge's figures over clips of 8 s and more
  trusted_lags          clips that the lag is counted on
  clips.ROW.CLIP        the scores of each clip, one for each seed

A fold under a seed takes minutes; what is done is kept in --work, and a killed run goes on from there.

example: model-pipeline evaluate --seeds 3 --json scores.json
"""
SPEECH_EXAMPLE = "example: model-pipeline check-speech --plot mouth.png"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    _add_evaluate(subparsers)
    heads.add_command(subparsers)
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
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each fold (default: %(default)s)")
    parser.add_argument(
        "--as-is", type=Path, metavar="DIR", help="train nothing: score DIR/weights.safetensors, which heard no track"
    )
    parser.add_argument("--work", type=Path, default=EVALUATE_WORK, help="keeps what is done (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.set_defaults(run=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    from frame_protocol.model_package import WEIGHTS
    from model_pipeline.evaluate.run import evaluate, evaluate_as_is
    from model_pipeline.export.package import WEIGHTS_DIR
    from model_pipeline.progress import pieces
    from model_pipeline.recipes.nano import PRETRAINED
    from model_pipeline.training.stages import Sizes

    if arguments.as_is:
        with pieces("folds: speak", len(arguments.folds)) as advance:
            report = evaluate_as_is(arguments.data, arguments.as_is / WEIGHTS, arguments.folds, lambda _: advance())
        return _told(report, arguments.json)
    weights = (arguments.weights or WEIGHTS_DIR) / PRETRAINED
    with pieces("folds and seeds: train, then speak", len(arguments.folds) * arguments.seeds) as advance:
        report = evaluate(
            arguments.data, weights, arguments.folds, arguments.seeds,
            sizes=Sizes(), work=arguments.work, done=lambda _: advance(),
        )  # fmt: skip
    return _told(report, arguments.json)


def _told(report: "Report", path: Path | None) -> int:
    from model_pipeline.evaluate.table import print_report

    print_report(report)
    if path:
        path.write_text(json.dumps(report.as_json(), indent=1) + "\n", encoding="utf-8")
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
