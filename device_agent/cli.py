"""The command ``device-agent``: each feature adds its own commands; its libraries load only when one runs."""

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

from device_agent import reporting
from device_agent.errors import AgentError

if TYPE_CHECKING:
    from device_agent.update.installers import ModelTools

FEATURES = ("engine", "playback", "enrolment", "telemetry", "complaints", "update", "system", "npu", "content")
"""Folders whose ``commands.py`` has ``add_commands(subparsers)``; a command sets ``run``: Namespace -> exit code."""

EPILOG = """examples:
  device-agent render --photo grandma.jpg --voice hello.wav --out talking.mp4
  device-agent play talking.mp4
  device-agent enrol --server https://fleet.example --claim-code ABCD-EFGH-JKLM
  device-agent run

exit codes:
  0 done              10 photo unreadable    20 model package bad     40 not signed by the offline keys
  1 other error       11 no face             21 video cannot be made  41 update failed
  2 wrong arguments   12 voice unreadable    22 no NPU here           42 restart needed (firmware)
                      13 nobody speaks       30 not enrolled          50 disk full or damaged
                                             31 server unreachable
                                             32 server refused
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with every feature's commands."""
    parser = argparse.ArgumentParser(
        prog="device-agent",
        description="The program on the frame: makes an old photo talk, reports, and keeps itself up to date.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for feature in FEATURES:
        importlib.import_module(f"device_agent.{feature}.commands").add_commands(subparsers)
    importlib.import_module("device_agent.run_command").add_commands(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one sentence on stderr."""
    arguments = build_parser().parse_args(argv)
    reporting.put(arguments, reporting.LazyReporter(_outbox))
    arguments.model_tools = _model_tools
    try:
        code: int = arguments.run(arguments)
        return code
    except AgentError as error:
        print(f"device-agent: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _outbox() -> reporting.Reporter:
    from device_agent.system.home import Home
    from device_agent.telemetry.reporter import OutboxReporter

    return OutboxReporter(Home.from_environment())


def _model_tools() -> "ModelTools":
    """Return what an update needs of the engine: features do not import each other, so they meet here."""
    from device_agent.engine import archive, package
    from device_agent.engine.selftest import run_self_test
    from device_agent.update.installers import ModelTools
    from frame_protocol.model_package import DeltaManifest

    return ModelTools(
        unpack=package.unpack,
        unpack_delta=lambda source, directory: archive.extract(source, directory, DeltaManifest),
        verify=package.verify,
        self_test=run_self_test,
    )


if __name__ == "__main__":
    sys.exit(main())
