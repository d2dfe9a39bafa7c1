"""How fast is the engine here? ``python -m device_agent.engine.bench --model DIR --json FILE``.

Times of one machine mean little on another, so each run stands beside yardsticks of the same run: first of all
encoding the very same frames, already drawn, from memory with the same preset. ``make bench-engine`` adds more.
"""

import argparse
import cProfile
import os
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from device_agent.engine import measurement, package, performance, timeline
from device_agent.engine.arrays import Sound
from device_agent.engine.gesture import Gesture
from device_agent.engine.life.hold import hold
from device_agent.engine.life.schedule import Pose
from device_agent.engine.loaded import Engine
from device_agent.engine.measurement import Figures
from device_agent.engine.photo.prepare import read_portrait
from device_agent.engine.render import Options, Rendered, render
from device_agent.engine.stage import Drawn, Stage
from device_agent.engine.stopwatch import Stopwatch
from device_agent.engine.video.presets import DEFAULT_PRESET, PRESETS
from device_agent.engine.video.process import EncoderProcess
from device_agent.engine.video.writer import VideoWriter
from device_agent.engine.voice import load_voice
from frame_protocol.telemetry import Fill

REPEATS = 3
SECONDS = 10.0
Yardstick = Callable[[], float]
"""Returns frames per second."""

PARTS = {
    "sources": "motion of the face (field)",
    "at": "head in a pose (held)",
    "_draw_skin": "skin (resample)",
    "_compose_mouth": "mouth (face, mouth)",
    "_draw_eyes": "eyelids",
    "paint": "choosing layers, copies",
}
"""What the drawing of a frame consists of, by the functions of ``warp`` that do it; ``paint`` holds the others."""

PAINTED = ("at", "_draw_skin", "_compose_mouth", "_draw_eyes")


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and write its figures."""
    parser = argument_parser("python -m device_agent.engine.bench", __doc__ or "")
    return measurement.run("bench", parser.parse_args(argv), lambda arguments: run(arguments, {}))


def argument_parser(program: str, description: str) -> argparse.ArgumentParser:
    """Return the parser of what every benchmark of speed can be asked."""
    parser = measurement.argument_parser(
        program, description, example="--model .cache/nano --preset veryfast --json speed.json"
    )
    parser.add_argument("--preset", choices=PRESETS, default=DEFAULT_PRESET)
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"runs whose median counts ({REPEATS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"length of the video ({SECONDS:g})")
    return parser


def run(arguments: argparse.Namespace, yardsticks: dict[str, Yardstick]) -> Figures:
    """Load the model, as often as it is rendered with, and measure it."""
    begin, loads = time.perf_counter(), []
    for _ in range(arguments.repeats):
        model = package.load(measurement.model_folder(arguments))
        engine = Engine(model)
        begin, before = time.perf_counter(), begin
        loads.append(begin - before)
    (photo,), voice = measurement.inputs(arguments, model)
    options = Options(seconds=arguments.seconds, fill=Fill.REPEAT, preset=arguments.preset)
    figures = measure(engine, photo, voice, options=options, repeats=arguments.repeats, yardsticks=yardsticks)
    return {**figures, "model_load_ms": _milliseconds(loads)}


def measure(
    engine: Engine,
    photo: Path,
    voice: Path,
    *,
    options: Options,
    repeats: int,
    yardsticks: dict[str, Yardstick] | None = None,
) -> Figures:
    """Return medians of rendering and of the yardsticks, and their ratios, each of figures of the same run."""
    made: list[Rendered] = []
    beside: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="liveframe-bench-") as folder:
        out = Path(folder) / "bench.mp4"
        for _ in range(repeats):
            made.append(render(engine, photo, voice, out, options=options))
            scene = prepare(engine, photo, voice, options)
            own = {"encode_only": lambda scene=scene: _encoding_alone(scene, out, options)}
            for name, yardstick in (own | (yardsticks or {})).items():
                beside.setdefault(name, []).append(yardstick())
    fps = [one.event.fps for one in made]
    return {
        "model_id": engine.manifest.model_id,
        "machine": machine(),
        "preset": options.preset,
        "size": f"{options.width}x{options.height}",
        "frames": made[0].event.frames,
        "runs": repeats,
        "render_fps": statistics.median(fps),
        **{f"{name}_fps": round(statistics.median(values), 2) for name, values in beside.items()},
        **{f"render_to_{name}": _ratio(fps, values) for name, values in beside.items()},
        "first_frame_ms": statistics.median(one.event.first_frame_ms for one in made),
        "photo_ms": _milliseconds([one.stages["photo"] for one in made]),
        "ms_per_frame": _per_frame(made, [one.stages for one in made]),
        "processor_ms_per_frame": _per_frame(made, [one.worked for one in made]),
        "drawing_ms_per_frame": profile(scene),
        "peak_memory_mb": made[0].event.peak_memory_mb,
    }


@dataclass(frozen=True)
class Scene:
    """All that a video shows, decided but not drawn."""

    stage: Stage
    gestures: list[Gesture | None]
    poses: list[Pose]
    sound: Sound

    def draw(self) -> list[Drawn]:
        """Draw every frame into memory."""
        return [self.stage.draw(gesture, pose) for gesture, pose in zip(self.gestures, self.poses, strict=True)]


def prepare(engine: Engine, photo: Path, voice: Path, options: Options) -> Scene:
    """Decide everything that ``render`` draws with these options."""
    portrait = read_portrait(engine.reader, photo, options.width, options.height, options.treatment)
    stage = Stage(portrait, engine.warp(portrait, lively=options.liveliness > 0))
    prompt = engine.motion.prompt(portrait.prompt, portrait.rest_opening_mm, portrait.rest_width_mm)
    plan = timeline.plan(load_voice(voice), options.seconds, options.fill)
    sampling = engine.manifest.sampling
    gestures = performance.perform(engine, plan, prompt, sampling, trace=performance.Trace(), watch=Stopwatch())
    poses = hold(performance.live(plan, sampling.seed, options.liveliness), stage.apart)
    return Scene(stage, list(gestures), poses, plan.sound)


def _encoding_alone(scene: Scene, out: Path, options: Options) -> float:
    with EncoderProcess() as encoder:
        return encode_drawn(scene, scene.draw(), encoder, out, options)[0]


def encode_drawn(
    scene: Scene, drawn: list[Drawn], encoder: EncoderProcess, out: Path, options: Options
) -> tuple[float, float]:
    """Time the encoder alone; return its frames per second, and milliseconds of all cores for each frame."""
    scene.stage.begin()
    begin = time.perf_counter()
    size = (options.width, options.height)
    with VideoWriter(out, *size, scene.sound, preset=options.preset, metadata={}, encoder=encoder) as writer:
        for picture in drawn:
            slot, planes = writer.draw()
            scene.stage.put(picture, slot, planes)
            writer.submit()
        encoded = writer.finish()
    return len(drawn) / (time.perf_counter() - begin), 1000 * encoded.processor_seconds / len(drawn)


def profile(scene: Scene) -> dict[str, float]:
    """Return milliseconds of a processor that the parts of drawing take for each frame, function by function."""
    watch = cProfile.Profile(time.thread_time)
    watch.enable()
    scene.draw()
    watch.disable()
    spent = dict.fromkeys(PARTS, 0.0)
    for (file, _, function), (_, _, _, cumulated, _) in pstats.Stats(watch).stats.items():  # type: ignore[attr-defined]
        if function in spent and Path(file).parent.name == "warp" and _is_part(function, Path(file).stem):
            spent[function] += cumulated
    spent["paint"] -= sum(spent[name] for name in PAINTED)
    return {PARTS[name]: round(1000 * seconds / len(scene.gestures), 3) for name, seconds in spent.items()}


def machine() -> str:
    """Return the processor's name and how many cores this process may use."""
    cores = len(os.sched_getaffinity(0))
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
    return f"{name}, {cores} core{'s' if cores > 1 else ''}, CPU only, {os.uname().sysname} {os.uname().machine}"


def _is_part(function: str, module: str) -> bool:
    return module == {"at": "held"}.get(function, "face")


def _per_frame(made: list[Rendered], seconds: list[dict[str, float]]) -> dict[str, float]:
    frames = made[0].event.frames
    names = [name for name in seconds[0] if name != "photo"]
    return {name: round(1000 * statistics.median(s.get(name, 0.0) for s in seconds) / frames, 3) for name in names}


def _ratio(fps: list[float], others: list[float]) -> float:
    return round(statistics.median(one / other for one, other in zip(fps, others, strict=True)), 3)


def _milliseconds(seconds: list[float]) -> float:
    return round(1000 * statistics.median(seconds), 1)


if __name__ == "__main__":
    sys.exit(main())
