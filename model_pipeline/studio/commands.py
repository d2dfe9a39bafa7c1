"""Commands of studio: ``studio`` photographs heads that do not exist."""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from model_pipeline.recipes.commands import DEFAULT_DATA

STUDIO_HELP = """keys of OUT/studio.json:
  v, people              1; every person drawn: colours, shapes, hair, beard, glasses
  cells                  for each picture, row by row: seed, yaw_degrees, viseme, opening_mm, width_mm (exact),
                         px_per_mm, lips_px [40,2] in its own picture, lips_mm [40,3]
with --pairs N, also OUT/pairs.npz: closed, opened [N,H,W,3], lips_px, moved_px [N,40,2], lips_mm [N,2,40,3],
  opening_mm, px_per_mm, yaw_degrees [N], inside [N,H,W]

example: model-pipeline studio --out studio-out --heads 4 --seed 7
"""


EVALUATE_HELP = """(a) is circular in part: rules like those that drive the heads made synthetic training speech.
(b) is not held out with the shipped weights, which heard the tracks; name weights that did not with --weights.
rows: ours; static; 1 late, 2 late (the truth, that many frames late)

keys of the JSON:
  v, settings            1; model_id, heads, size
  summary.DRIVEN.BAND    driven by rules or tracks; BAND is degrees of yaw, or all:
    clips, faces_found   pictures, and those in which the engine found the face (others: the exact pose)
    rows.ROW             as in evaluate --help, in exact mm
    closures_below_1_5_mm          share of P, B, M whose warped inner lips come so near
    tracked_closures_below_1_5_mm  the same as the face tracker reads it in the drawn picture
    tracked_vowels_below_1_5_mm    the same on open vowels, where it should be low
    silence_worst_mm, silence_mean_mm   movement of the opening in 1 s of silence
    fit_mm               what of the tracks' lips the heads cannot follow
  clips                  the same for every clip

example: model-pipeline evaluate-heads --json heads.json
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
    _add_evaluate(subparsers)


def _add_evaluate(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "evaluate-heads",
        help="measure the mouth on rendered heads in exact mm, by yaw band",
        description="Unseen heads, their photos measured by the engine's own detector and mesh, the shipped model "
        "speaking: (a) rules on unseen voices, (b) real tracks where the shared data are there.",
        epilog=EVALUATE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--heads", type=int, default=4, help="heads, each in three yaw bands (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the shared data (default: %(default)s)")
    parser.add_argument("--tracks", type=int, metavar="N", help="use the first N tracks only (default: all)")
    parser.add_argument("--size", type=int, default=512, help="pixels of a photo's side (default: %(default)s)")
    parser.add_argument("--weights", type=Path, help="folder of weights.safetensors (default: the ones that ship)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.set_defaults(run=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    from model_pipeline.data.tracks import load_tracks
    from model_pipeline.evaluate.progress import pieces
    from model_pipeline.export.engine import packed_engine
    from model_pipeline.studio import report, trial

    tracks = load_tracks(arguments.data)[: arguments.tracks] if (arguments.data / "tracks").is_dir() else []
    seeds = range(trial.FIRST_HEAD, trial.FIRST_HEAD + arguments.heads)
    with tempfile.TemporaryDirectory(prefix="liveframe-heads-") as folder:
        engine = packed_engine(arguments.weights, Path(folder))
        speak = trial.engine_speaks(engine, engine.manifest.sampling)
        with pieces("heads", len(trial.BANDS) * (arguments.heads + len(tracks))) as advance:
            clips = trial.run_rules(engine, speak, seeds, arguments.size, advance)
            clips += trial.run_tracks(engine, speak, tracks, seeds, arguments.size, advance)
    report.print_report(clips)
    if arguments.json:
        settings = {"model_id": engine.manifest.model_id, "heads": arguments.heads, "size": arguments.size}
        arguments.json.write_text(json.dumps(report.as_json(clips, settings), indent=1) + "\n", encoding="utf-8")
    return 0


def _studio(arguments: argparse.Namespace) -> int:
    from model_pipeline.evaluate.progress import pieces
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
