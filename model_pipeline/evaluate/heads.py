"""Command ``evaluate-heads``: the mouth on rendered heads, in exact mm, by yaw."""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from model_pipeline.places import DEFAULT_DATA, EVALUATE_WORK

if TYPE_CHECKING:
    from device_agent.engine.loaded import Engine
    from model_pipeline.data.tracks import Track
    from model_pipeline.studio.trial import Speak

HELP = """(a) is circular in part: rules like those that drive the heads made synthetic training speech.
(b) is held out where `evaluate` left its models of the folds: each clip is spoken by the one that did not hear its
speaker. Otherwise by the package, which heard them all; settings.tracks says which.
rows: ours; static; 1 late, 2 late (the truth, that many frames late)

keys of the JSON:
  v, settings            1; model_id, heads, size, tracks ("held out" or "heard")
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


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "evaluate-heads",
        help="measure the mouth on rendered heads in exact mm, by yaw band",
        description="Unseen heads, their photos measured by the engine's own detector and mesh, the shipped model "
        "speaking: (a) rules on unseen voices, (b) real tracks where the shared data are there.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--heads", type=int, default=4, help="heads, each in three yaw bands (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the shared data (default: %(default)s)")
    parser.add_argument("--tracks", type=int, metavar="N", help="use the first N tracks only (default: all)")
    parser.add_argument("--size", type=int, default=512, help="pixels of a photo's side (default: %(default)s)")
    parser.add_argument("--weights", type=Path, help="folder of weights.safetensors (default: the ones that ship)")
    parser.add_argument(
        "--work", type=Path, default=EVALUATE_WORK, help="what `evaluate` keeps (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from model_pipeline.data.tracks import load_tracks
    from model_pipeline.export.engine import packed_engine
    from model_pipeline.progress import pieces
    from model_pipeline.studio import report, trial

    tracks = load_tracks(arguments.data)[: arguments.tracks] if (arguments.data / "tracks").is_dir() else []
    seeds = range(trial.FIRST_HEAD, trial.FIRST_HEAD + arguments.heads)
    with tempfile.TemporaryDirectory(prefix="liveframe-heads-") as folder:
        engine = packed_engine(arguments.weights, Path(folder))
        speak = trial.engine_speaks(engine, engine.motion)
        deaf = deaf_to(engine, arguments.work) if arguments.weights is None else None
        with pieces("heads", len(trial.BANDS) * (arguments.heads + len(tracks))) as advance:
            clips = trial.run_rules(engine, speak, seeds, arguments.size, advance)
            clips += trial.run_tracks(engine, deaf or (lambda track: speak), tracks, seeds, arguments.size, advance)
    report.print_report(clips)
    if arguments.json:
        settings = {
            "model_id": engine.manifest.model_id, "heads": arguments.heads, "size": arguments.size,
            "tracks": "held out" if deaf else "heard",
        }  # fmt: skip
        arguments.json.write_text(json.dumps(report.as_json(clips, settings), indent=1) + "\n", encoding="utf-8")
    return 0


def deaf_to(engine: "Engine", work: Path) -> "Callable[[Track], Speak] | None":
    """Return, for each clip, the mouth of the model that heard neither it nor its speaker; None: no such models."""
    import torch

    from model_pipeline.data.folds import FOLDS, fold_of
    from model_pipeline.evaluate.backend import motion_model
    from model_pipeline.evaluate.fold import model_path
    from model_pipeline.evaluate.run import places
    from model_pipeline.export.package import WEIGHTS_DIR
    from model_pipeline.recipes.nano import PRETRAINED, load_pretrained
    from model_pipeline.studio import trial
    from model_pipeline.training.stages import Sizes

    torch.set_num_threads(1)  # a frame's tensors are too small to be shared
    folder, _ = places(work, WEIGHTS_DIR / PRETRAINED, Sizes())
    paths = [model_path(folder, fold, seed=0) for fold in range(FOLDS)]
    if not all(path.is_file() for path in paths):
        return None
    mouths = [trial.engine_speaks(engine, motion_model(load_pretrained(path)), sees_photo=False) for path in paths]
    folds = fold_of()
    return lambda track: mouths[folds[track.speaker]]
