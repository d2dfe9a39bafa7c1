"""The command ``model-pipeline``: each feature adds its own commands; its libraries load only when one runs."""

import argparse
import importlib
import sys

from model_pipeline.errors import LaboratoryError

FEATURES = (
    "recipes", "prepare", "evaluate", "ablate", "export", "fix", "gallery", "studio", "tongue", "repair", "npu",
    "songs",
)  # fmt: skip
"""Folders whose ``commands.py`` has ``add_commands(subparsers)``; a command sets ``run``: Namespace -> exit code."""

EPILOG = """examples:
  model-pipeline train-nano --out .cache/train-nano
  model-pipeline prepare --videos recordings --out prepared
  model-pipeline train --videos recordings --out own
  model-pipeline evaluate --json scores.json
  model-pipeline ablate --variants as-shipped plain-rope
  model-pipeline package --out nano.lfm
  model-pipeline gallery --out gallery-out
  model-pipeline train-repair --out .cache/train-repair
  model-pipeline train-tongue --out .cache/train-tongue
  model-pipeline npu --out .cache/npu
  model-pipeline song-pack --from model_pipeline/songs/packs/christmas --out christmas.lfs
  model-pipeline analyse --video clip.mp4 --voice voice.wav
  model-pipeline fix --complaint complaint/ --base nano.lfm --out delta.lfd

exit codes:
  0 done               10 input data missing or unreadable    20 no delta can be made of this complaint
  1 other error        11 weights do not fit                  30 fleet server unreachable, or it refused
  2 wrong arguments    12 an outside program refused
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every feature's commands."""
    parser = argparse.ArgumentParser(
        prog="model-pipeline",
        description="The laboratory: trains, evaluates and packs models and songs, and turns complaints into deltas.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for feature in FEATURES:
        importlib.import_module(f"model_pipeline.{feature}.commands").add_commands(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one sentence on stderr."""
    arguments = build_parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        return code
    except LaboratoryError as error:
        print(f"model-pipeline: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
