"""Commands of studio: ``studio`` photographs heads that do not exist."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

STUDIO_HELP = """keys of OUT/studio.json:
  v, people              1; every person drawn: colours, shapes, hair, beard, glasses
  cells                  for each picture, row by row: seed, yaw_degrees, viseme, opening_mm, width_mm (exact),
                         px_per_mm, lips_px [40,2] in its own picture, lips_mm [40,3]
with --pairs N, also OUT/pairs.npz: closed, opened [N,H,W,3], lips_px, moved_px [N,40,2], lips_mm [N,2,40,3],
  opening_mm, px_per_mm, yaw_degrees [N], inside [N,H,W]

example: model-pipeline studio --out studio-out --heads 4 --seed 7
"""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser(
        "studio",
        help="photograph rendered heads, whose lips are known in millimetres",
        description="A contact sheet of heads that do not exist (OUT/sheet.png), with exact lip positions, and pairs "
        "of pictures with the mouth closed and open for training the face repair.",
        epilog=STUDIO_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures and figures")
    parser.add_argument("--heads", type=int, default=4, help="rows of the sheet (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first person (default: %(default)s)")
    parser.add_argument("--size", type=int, default=512, help="pixels of a picture's side (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="also write N pairs (default: none)")
    parser.set_defaults(run=_studio)


def _studio(arguments: argparse.Namespace) -> int:
    from model_pipeline.progress import pieces
    from model_pipeline.studio.identity import draw_person
    from model_pipeline.studio.pairs import draw_pairs, save_pairs
    from model_pipeline.studio.sheet import COLUMNS, draw_sheet, save

    out: Path = arguments.out
    with pieces("studio: pictures", arguments.heads * len(COLUMNS) + arguments.pairs) as advance:
        if arguments.heads:
            sheet = draw_sheet(arguments.heads, arguments.seed, arguments.size, advance)
            save(sheet.pixels, out / "sheet.png")
            people = [asdict(draw_person(n)) for n in range(arguments.seed, arguments.seed + arguments.heads)]
            report = {"v": 1, "people": people, "cells": sheet.cells}
            (out / "studio.json").write_text(json.dumps(report) + "\n", encoding="utf-8")
        if arguments.pairs:
            pairs = []
            for pair in draw_pairs(arguments.seed, arguments.pairs, size=arguments.size):
                pairs.append(pair)
                advance()
            save_pairs(pairs, out / "pairs.npz")
    sys.stdout.write(f"{arguments.heads} heads and {arguments.pairs} pairs in {out}\n")
    return 0
