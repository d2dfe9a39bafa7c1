"""Commands of export: ``package`` and ``inspect``."""

import argparse
import sys
from pathlib import Path

PACKAGE_EXAMPLE = "example: model-pipeline package --out nano.lfm"
INSPECT_EXAMPLE = "example: model-pipeline inspect"


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this feature's commands to the parser."""
    parser = subparsers.add_parser("package", help="pack weights into a model package (.lfm)", epilog=PACKAGE_EXAMPLE)
    parser.add_argument("--out", type=Path, required=True, help="the package to write")
    parser.add_argument("--weights", type=Path, help="folder of weights.safetensors (default: the ones that ship)")
    parser.add_argument(
        "--tongue", action=argparse.BooleanOptionalAction, default=True,
        help="with or without the network that hears where the tongue is (default: with)",
    )  # fmt: skip
    parser.add_argument(
        "--repair", action=argparse.BooleanOptionalAction, default=False,
        help="with or without the network that corrects the drawn mouth (default: without)",
    )  # fmt: skip
    parser.set_defaults(run=_package)
    parser = subparsers.add_parser(
        "inspect", help="list parts, parameters and bytes of weights", epilog=INSPECT_EXAMPLE
    )
    parser.add_argument("--weights", type=Path, help="folder of weights.safetensors (default: the ones that ship)")
    parser.set_defaults(run=_inspect)


def _package(arguments: argparse.Namespace) -> int:
    from model_pipeline.export.package import PARTS, WEIGHTS_DIR, package_weights

    parts = [part for part in PARTS if getattr(arguments, part.graph)]
    manifest = package_weights(arguments.weights or WEIGHTS_DIR, arguments.out, parts=parts)
    size = arguments.out.stat().st_size / 1e6
    sys.stdout.write(f"{manifest.model_id} {manifest.weights_sha256} {size:.1f} MB {arguments.out}\n")
    return 0


def _inspect(arguments: argparse.Namespace) -> int:
    from frame_protocol.model_package import WEIGHTS
    from model_pipeline.export.inspection import print_parts
    from model_pipeline.export.package import WEIGHTS_DIR

    print_parts((arguments.weights or WEIGHTS_DIR) / WEIGHTS)
    return 0
