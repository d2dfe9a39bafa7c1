"""Commands of prepare: ``prepare``."""

import argparse
import json
import sys
from pathlib import Path

DESCRIPTION = """Videos of speaking people become tracks and photos to train on, in stages that resume:

  find      the face, followed by the frame's own mesh; one face, 40 pixels between the eyes, no cuts
  dejitter  landmarks held by optical flow
  align     68 points on the canonical face; photos cut as a frame cuts them
  music     steady tones taken out of the sound
  speech    cut to where somebody speaks
  pose      heads turned by more than 30 degrees also mirrored
  occlude   a copy of each photo with 20 % of the face hidden
  yellow    photos in the colours of old prints
  half      15 % of the photos show half a face

OUT gets tracks/, photos.npz, sheet.png, report.json (keys: docs/model/training.md) and stages/, the clips of every
stage; a second run does nothing. DIR/NAME/video is of speaker NAME, DIR/video of a speaker named like the file."""
EXAMPLE = "example: model-pipeline prepare --videos recordings --out prepared --json report.json"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "prepare",
        help="clean videos of speaking people into tracks and photos to train on, resumable",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of videos")
    parser.add_argument("--out", type=Path, required=True, help="folder for tracks, photos, report and stages")
    parser.add_argument(
        "--max-minutes", type=float, default=120.0, metavar="N",
        help="set longer recordings aside (default: %(default)s; an hour fills about 8 GB below OUT/stages)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here too")
    parser.set_defaults(run=_prepare)


def _prepare(arguments: argparse.Namespace) -> int:
    from model_pipeline.errors import DataMissing
    from model_pipeline.prepare.display import Bars, print_report
    from model_pipeline.prepare.prepare import prepare

    with Bars() as bars:
        report = prepare(arguments.videos, arguments.out, bars.begin, max_minutes=arguments.max_minutes)
    print_report(report)
    if arguments.json:
        text = json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n"
        arguments.json.write_text(text, encoding="utf-8")
    if not report.speakers:
        raise DataMissing(
            f"nothing of {arguments.videos} can be trained on; {arguments.out / 'report.json'} says why"
        )
    sys.stdout.write(f"{report.seconds:.1f} s of {len(report.speakers)} speakers are in {arguments.out}\n")
    return 0
