"""Command of ablate: ``ablate`` trains variants of the model small and prints what each idea is worth."""

import argparse
import json
import sys
from pathlib import Path

from model_pipeline.places import DEFAULT_DATA

EXAMPLE = """Every variant is trained from nothing at --scale of the shipped training's steps and clips, and scored on
the speakers of one fold: compare rows of one run, not with `evaluate`. One seed: differences below 0.05 in r are
noise.
What is done is kept in --work; a killed run goes on with the next variant.

example: model-pipeline ablate --variants as-shipped plain-rope --json ablations.json"""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's command to the parser."""
    parser = subparsers.add_parser(
        "ablate",
        help="what each idea of the model is worth, by leaving it out (needs the shared data; an hour)",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the shared data (default: %(default)s)")
    parser.add_argument("--variants", nargs="+", metavar="NAME", help="which to run (default: all)")
    parser.add_argument("--fold", type=int, default=2, help="speakers held out (default: %(default)s)")
    parser.add_argument("--scale", type=float, default=0.4, help="of the shipped training (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=Path(".cache/ablate"), help="keeps what is done")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the table as Markdown")
    parser.set_defaults(run=_ablate)


def _ablate(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from model_pipeline.ablate.report import table
    from model_pipeline.ablate.run import Figures, Setting, measure
    from model_pipeline.ablate.variants import VARIANTS
    from model_pipeline.errors import LaboratoryError
    from model_pipeline.training.display import Display
    from model_pipeline.training.stages import Sizes, scaled
    from model_pipeline.training.threads import use_cores

    by_name = {variant.name: variant for variant in VARIANTS}
    names = arguments.variants or list(by_name)
    if unknown := [name for name in names if name not in by_name]:
        raise LaboratoryError(f"no variant {', '.join(unknown)}; there are: {', '.join(by_name)}")
    use_cores()
    setting = Setting(arguments.data, arguments.fold, scaled(Sizes(), arguments.scale))
    work = arguments.work / f"fold{arguments.fold}-scale{arguments.scale:g}"
    work.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Figures] = {}
    for name in names:
        kept = work / f"{name}.json"
        if not kept.is_file():
            sys.stderr.write(f"{by_name[name].title}\n")
            with Display(work / name) as display:
                kept.write_text(json.dumps(asdict(measure(by_name[name], setting, display))), encoding="utf-8")
        rows[name] = Figures(**json.loads(kept.read_text(encoding="utf-8")))
    text = table(rows)
    sys.stdout.write(text)
    if arguments.json:
        figures = {name: asdict(row) for name, row in rows.items()}
        found = {"v": 1, "fold": arguments.fold, "scale": arguments.scale, "rows": figures}
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if arguments.report:
        arguments.report.write_text(text, encoding="utf-8")
    return 0
