"""What measurements of the engine on the command line share: how they are asked, of what, and where figures go."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device_agent.engine.commands import active_model
from device_agent.engine.package import ModelPackage
from device_agent.errors import AgentError

Figures = dict[str, Any]


def argument_parser(
    program: str, description: str, *, example: str, photos: int | str = 1
) -> argparse.ArgumentParser:
    """Return the parser of what every measurement can be asked.

    ``example`` are options for its help; ``photos`` is how many it takes, as ``nargs`` says it.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"example:\n  {program} {example}\n",
    )
    parser.add_argument("--model", type=Path, help="directory of a model package (default: the active one)")
    parser.add_argument("--photo", type=Path, nargs=photos, help="default: the package's reference photo")
    parser.add_argument("--voice", type=Path, help="default: the package's reference voice")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    return parser


def model_folder(arguments: argparse.Namespace) -> Path:
    """Return the package to measure: the one asked for, or the active one."""
    return arguments.model or active_model()


def inputs(arguments: argparse.Namespace, model: ModelPackage) -> tuple[list[Path], Path]:
    """Return the photos and the voice asked for, or the package's own."""
    own = model.manifest.self_test
    return arguments.photo or [model.path(own.photo)], arguments.voice or model.path(own.voice)


def run(name: str, arguments: argparse.Namespace, measure: Callable[[argparse.Namespace], Figures]) -> int:
    """Measure, print and keep the figures; return the exit code, which a refusal brings along."""
    try:
        figures = measure(arguments)
    except AgentError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return error.exit_code
    text = json.dumps(figures, indent=2) + "\n"
    if arguments.json:
        arguments.json.write_text(text)
    sys.stdout.write(text)
    return 0
