"""How fast a photo and a voice become a video here, beside what the machine could do at most: ``make bench-engine``.

Every run is followed by its yardsticks: encoding the same frames from memory, and a network of Wav2Lip's size.
``--report`` writes docs/model/speed.md, ``--long 600`` renders a voice of ten minutes and watches the memory.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import onnxruntime as ort

from device_agent.engine import bench, measurement, package
from device_agent.engine.loaded import Engine
from device_agent.engine.render import Options
from frame_protocol.telemetry import Fill
from model_pipeline.bench import long_voice, presets, speed_report
from model_pipeline.bench.rival_network import Rival

PRESET_SECONDS = 3.0


def main(argv: list[str] | None = None) -> int:
    """Measure, print or write the figures, and the report if asked."""
    parser = bench.argument_parser("python -m model_pipeline.bench.speed", __doc__ or "")
    parser.add_argument("--report", type=Path, help="write this Markdown file, and pictures beside it")
    parser.add_argument("--presets", action="store_true", help="also compare the encoder's presets")
    parser.add_argument(
        "--long", type=float, metavar="SECONDS", help="also render a voice this long: 600 takes minutes"
    )
    parser.add_argument("--long-size", default="1920x1080", help="size of that video (1920x1080)")
    return measurement.run("bench", parser.parse_args(argv), measure)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return every figure that was asked for, and write the report if one was."""
    load, rival = round(os.getloadavg()[0], 1), Rival(len(os.sched_getaffinity(0)))
    _say(f"rendering {arguments.repeats} times, each time beside its yardsticks")
    figures = bench.run(arguments, {"wav2lip_size": rival.fps})
    figures["wav2lip_size"] = {
        "parameters": rival.size.parameters, "macs_per_frame": rival.size.macs, "threads": rival.threads
    }  # fmt: skip
    figures["load_before"], figures["possible_fps"] = (
        load,
        possible_fps(figures["processor_ms_per_frame"], rival.threads),
    )
    figures["versions"] = {"onnxruntime": ort.__version__, "opencv": cv2.__version__}
    figures["targets"] = speed_report.judge(figures)
    if arguments.presets:
        _say("comparing the encoder's presets")
        figures["presets"] = _compare_presets(arguments)
    if arguments.long:
        _say(f"rendering a voice of {arguments.long:g} s")
        figures["long_voice"] = _long(arguments)
    if arguments.report:
        speed_report.write(figures, arguments.report)
    return figures


def possible_fps(worked: dict[str, float], cores: int) -> float:
    """Return the frames a second of two processes, each with a core, that share no more than all cores."""
    encoder = worked["encode"]
    agent = sum(worked.values()) - encoder
    return round(1000 / max(agent, (agent + encoder) / cores), 1)


def _compare_presets(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    model, photo, voice = _inputs(arguments)
    options = Options(seconds=PRESET_SECONDS, fill=Fill.REPEAT)
    scene = bench.prepare(Engine(model), photo, voice, options)
    with tempfile.TemporaryDirectory(prefix="liveframe-presets-") as folder:
        return presets.compare(scene, Path(folder), options)


def _long(arguments: argparse.Namespace) -> dict[str, Any]:
    model, photo, voice = _inputs(arguments)
    figures, memory = long_voice.measure(
        model.directory, photo, voice, seconds=arguments.long, size=arguments.long_size
    )
    if arguments.report:
        long_voice.plot(memory, arguments.report.with_name("memory.png"))
    return figures


def _inputs(arguments: argparse.Namespace) -> tuple[package.ModelPackage, Path, Path]:
    model = package.load(measurement.model_folder(arguments))
    (photo,), voice = measurement.inputs(arguments, model)
    return model, photo, voice


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
