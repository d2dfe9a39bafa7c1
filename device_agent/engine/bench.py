"""How fast is the engine here? ``python -m device_agent.engine.bench --model DIR --json FILE``.

Times of one machine mean little on another, so each is set against a yardstick of the same run: encoding the same
frames, already drawn, from memory with the same preset.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from device_agent.engine import package, performance, timeline
from device_agent.engine.commands import PRESETS, active_model
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.load import load_photo
from device_agent.engine.render import Options, render
from device_agent.engine.stage import Stage
from device_agent.engine.stopwatch import Stopwatch
from device_agent.engine.video.writer import VideoWriter
from device_agent.engine.voice import load_voice
from device_agent.errors import AgentError
from frame_protocol.telemetry import Fill

REPEATS = 3
SECONDS = 6.0


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and write its figures."""
    parser = argparse.ArgumentParser(prog="python -m device_agent.engine.bench", description=__doc__)
    parser.add_argument("--model", type=Path, help="directory of a model package (default: the active one)")
    parser.add_argument("--photo", type=Path, help="default: the package's reference photo")
    parser.add_argument("--voice", type=Path, help="default: the package's reference voice")
    parser.add_argument("--preset", choices=PRESETS, default="veryfast")
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"runs whose median counts ({REPEATS})")
    parser.add_argument("--json", type=Path, help="write the figures here (default: standard output)")
    arguments = parser.parse_args(argv)
    try:
        return _run(arguments)
    except AgentError as error:
        sys.stderr.write(f"bench: {error}\n")
        return error.exit_code


def _run(arguments: argparse.Namespace) -> int:
    model = package.load(arguments.model or active_model())
    photo = arguments.photo or model.path(model.manifest.self_test.photo)
    voice = arguments.voice or model.path(model.manifest.self_test.voice)
    options = Options(seconds=SECONDS, fill=Fill.REPEAT, preset=arguments.preset)
    figures = measure(Engine(model), photo, voice, options=options, repeats=arguments.repeats)
    text = json.dumps(figures, indent=2) + "\n"
    if arguments.json:
        arguments.json.write_text(text)
    else:
        sys.stdout.write(text)
    return 0


def measure(engine: Engine, photo: Path, voice: Path, *, options: Options, repeats: int) -> dict[str, object]:
    """Return medians of rendering and of the yardstick, and their ratio."""
    renders, yardsticks, first_frames, stages = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="liveframe-bench-") as folder:
        out = Path(folder) / "bench.mp4"
        for _ in range(repeats):
            made = render(engine, photo, voice, out, options=options)
            renders.append(made.event.fps)
            first_frames.append(made.event.first_frame_ms)
            stages.append(made.stages)
            yardsticks.append(_encode_drawn(engine, photo, voice, out, options=options))
    per_frame = {
        name: round(1000 * statistics.median(s.get(name, 0.0) for s in stages) / made.event.frames, 3)
        for name in stages[0]
        if name not in ("photo", "voice")
    }
    return {
        "model_id": engine.manifest.model_id,
        "machine": f"{platform.machine()}, CPU, {platform.system()}",
        "preset": options.preset,
        "size": f"{options.width}x{options.height}",
        "frames": made.event.frames,
        "runs": repeats,
        "render_fps": statistics.median(renders),
        "encode_only_fps": round(statistics.median(yardsticks), 2),
        "render_to_encode_time": round(statistics.median(yardsticks) / statistics.median(renders), 3),
        "first_frame_ms": statistics.median(first_frames),
        "photo_ms": round(1000 * statistics.median(s["photo"] for s in stages), 1),
        "ms_per_frame": per_frame,
        "peak_memory_mb": made.event.peak_memory_mb,
    }


def _encode_drawn(engine: Engine, photo: Path, voice: Path, out: Path, *, options: Options) -> float:
    """Draw every frame into memory first, then time the encoder alone; return its frames per second."""
    portrait = engine.reader.read(load_photo(photo), options.width, options.height)
    stage = Stage(portrait, engine.warp(portrait, lively=options.liveliness > 0))
    prompt = engine.motion.prompt(portrait.prompt, portrait.rest_opening_mm, portrait.rest_width_mm)
    plan = timeline.plan(load_voice(voice), options.seconds, options.fill)
    motions = performance.perform(
        engine, plan, prompt, engine.manifest.sampling, trace=performance.Trace(), watch=Stopwatch()
    )
    poses = performance.live(plan, engine.manifest.sampling.seed, options.liveliness)
    drawn = [stage.draw(motion, pose) for motion, pose in zip(motions, poses, strict=True)]
    begin = time.perf_counter()
    size = (options.width, options.height)
    with VideoWriter(out, *size, plan.sound, preset=options.preset, metadata={}) as writer:
        for picture in drawn:
            slot, planes = writer.draw()
            stage.put(picture, slot, planes)
            writer.submit()
        writer.finish()
    return len(drawn) / (time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main())
