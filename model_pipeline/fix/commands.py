"""Commands of fix: ``analyse`` says what fails in a clip, ``fix`` trains it away and packs the difference."""

import argparse
import json
import sys
from pathlib import Path

ANALYSE_EXAMPLE = "example: model-pipeline analyse --video talking.mp4 --voice hello.wav --model nano.lfm"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    _add_analyse(subparsers)


def _add_analyse(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("analyse", help="say what fails in a talking clip", epilog=ANALYSE_EXAMPLE)
    parser.add_argument("--video", type=Path, required=True, help="the clip (MP4)")
    parser.add_argument("--voice", type=Path, required=True, help="the recording that the clip speaks")
    parser.add_argument("--model", type=Path, required=True, help="model package or its folder, for its face models")
    parser.add_argument("--transcript", help="the English words, if known: sounds are then aligned, not guessed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and curve")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the mouth against the sounds (PNG)")
    parser.set_defaults(run=_analyse)


def _analyse(arguments: argparse.Namespace) -> int:
    from model_pipeline.fix.analysis import analyse, sentences
    from model_pipeline.fix.base import opened

    with opened(arguments.model) as model:
        analysis = analyse(arguments.video, arguments.voice, model, arguments.transcript)
    sys.stdout.write("\n".join(sentences(analysis)) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({"v": 1, **analysis.report()}, indent=1) + "\n")
    if arguments.plot:
        from model_pipeline.fix.plot import draw

        draw(arguments.plot, analysis.curve, analysis.phones, analysis.measured, arguments.video.name)
    return 0
