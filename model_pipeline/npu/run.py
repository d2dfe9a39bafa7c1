"""From weights to the report: pack, rewrite, record a voice, compile and simulate every graph in every precision."""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx

from device_agent.engine import archive, package
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.load import load_photo
from device_agent.engine.runtime.motion import FrameMotion, Prompt
from device_agent.engine.runtime.onnx import OnnxBackend
from device_agent.engine.stopwatch import Stopwatch
from device_agent.engine.warp.face import FaceWarp
from device_agent.engine.warp.repair import MouthRepair
from frame_protocol.model_package import WEIGHTS, ModelManifest
from model_pipeline.errors import ToolFailed
from model_pipeline.export import graphs, reference
from model_pipeline.export.package import PARTS, package_weights
from model_pipeline.gallery.voices import VOICES, sound_of
from model_pipeline.models.config import NANO
from model_pipeline.npu import measure, tables
from model_pipeline.npu.fold import folded
from model_pipeline.npu.plan import GRAPHS, MAX_AMPLITUDE_ERROR, MIN_COSINE, SHIPPED, TARGET, Graph
from model_pipeline.npu.record import Floats, Recorder, spread
from model_pipeline.npu.simulate import Job, SimulatedBackend, Simulator

CALIBRATION = 24
"""Sets of inputs that quantisation sees, spread over the package's reference voice."""
RATE = 16_000
WIDTH, HEIGHT = 1920, 1080
SOURCE = "compiler estimate and simulator of rknn-toolkit2; no figure was measured on a board unless under 'board'"

Report = dict[str, object]


@dataclass(frozen=True)
class Material:
    """What is compiled, and the voices it is calibrated and judged with."""

    model: package.ModelPackage
    folder: Path
    prompt: Prompt
    calibration: Recorder
    judged: Recorder
    voice: str
    audio: Floats
    openings: "np.ndarray[tuple[int], np.dtype[np.float64]]"

    def backend(self) -> OnnxBackend:
        """float32 in ONNX Runtime, as a CPU frame runs."""
        return OnnxBackend(self.model)


def prepare(weights: Path, out: Path, seconds: float) -> Material:
    """Pack ``weights`` below ``out``, rewrite the graphs, and record both voices for the reference photo."""
    model = _unpacked(weights, out)
    for graph in GRAPHS:
        onnx.save(folded(model.path(f"{graph.name}.onnx")), out / f"{graph.name}.onnx")
    portrait = Engine(model).reader.read(load_photo(model.path(model.manifest.self_test.photo)), WIDTH, HEIGHT)
    calibration, judged, constants = Recorder(OnnxBackend(model)), Recorder(OnnxBackend(model)), model.constants()
    opened = [FaceWarp(
        portrait, constants.points, constants.extent, constants.opening_map,
        repair=MouthRepair(recorder.repair, portrait, Stopwatch()),
    ) for recorder in (calibration, judged)]  # fmt: skip
    rest = np.array([portrait.rest_opening_mm, portrait.rest_width_mm, 1.0, 0.0], np.float32).reshape(1, 4, 1, 1)
    for recorder in (calibration, judged):
        prompt = Prompt(*recorder.prompt(portrait.prompt, rest))
    calm = reference.samples(model.path(model.manifest.self_test.voice).read_bytes())
    _draw(opened[0], measure.speak(calibration, model.manifest, constants, prompt, calm))
    voice = VOICES[0]
    audio = reference.samples(sound_of(voice, out).read_bytes())[: int(seconds * RATE)]
    frames = measure.speak(judged, model.manifest, constants, prompt, audio)
    _draw(opened[1], frames)
    return Material(model, out, prompt, calibration, judged, voice.name, audio, measure.openings(frames, constants))


def _draw(face: FaceWarp, frames: list[FrameMotion]) -> None:
    """Draw every frame, so that the repair is asked about real mouths."""
    for frame in frames:
        face.draw(frame.motion, tongue=frame.tongue)


def _unpacked(weights: Path, out: Path) -> package.ModelPackage:
    out.mkdir(parents=True, exist_ok=True)
    files = [
        folder / WEIGHTS for folder in (weights, *(part.folder for part in PARTS)) if (folder / WEIGHTS).is_file()
    ]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    directory = out / f"model-{digest}"
    if not directory.exists():
        package_weights(weights, out / "model.lfm", parts=PARTS)
        part = directory.with_name(directory.name + ".part")
        archive.extract(out / "model.lfm", part, ModelManifest)
        part.rename(directory)
    return package.load(directory)


def compile_all(material: Material, precisions: tuple[str, ...], done: Callable[[], None]) -> Report:
    """Compile, simulate and compare; ``done`` is called after each graph and each token loop."""
    found: dict[str, dict[str, object]] = {graph.name: {} for graph in GRAPHS}
    loops: dict[str, object] = {}
    for precision in precisions:
        with ExitStack() as stack:
            simulators = {}
            for graph in GRAPHS:
                job = _job(material, graph, precision)
                calibration = spread(material.calibration.asked[graph.name], CALIBRATION)
                try:
                    simulators[graph.name] = stack.enter_context(Simulator(job, calibration))
                    found[graph.name][precision] = _figures(material, graph, job, simulators[graph.name])
                except ToolFailed as error:
                    if precision == SHIPPED:
                        raise
                    found[graph.name][precision] = {"refused": _reason(str(error))}
                done()
            loops[precision] = _loop(material, simulators)
            done()
    return _report(material, found, loops)


def _reason(message: str) -> str:
    """Return the line of the compiler's log that names the error: the last such line, else the last."""
    lines = message.splitlines()
    return next((line.strip() for line in reversed(lines) if "Error" in line or line.startswith("E RKNN")), lines[-1])


def _job(material: Material, graph: Graph, precision: str) -> Job:
    outputs = graphs.output_shapes(NANO)
    return Job(
        model=material.folder / f"{graph.name}.onnx",
        precision=precision,
        inputs=graphs.graph_inputs(NANO)[graph.name],
        outputs={name: outputs[name] for name in graphs.OUTPUTS[graph.name]},
        out=material.folder / f"{graph.name}.{precision}.rknn",
        without_rules=graph.without_rules,
    )


def _figures(material: Material, graph: Graph, job: Job, simulator: Simulator) -> dict[str, object]:
    """Compiler's estimate of one graph, and its cosines on every input of the judged voice."""
    came = [simulator.run(inputs) for inputs in material.judged.asked[graph.name]]
    compiled = job.out.read_bytes()
    return {
        "compiler_estimate": tables.read(job.log.read_text(encoding="utf-8", errors="replace")).figures(),
        "simulator": {
            "questions": len(came),
            "cosine": measure.cosines(came, material.judged.answered[graph.name], list(job.outputs)),
        },
        "file_bytes": len(compiled),
        "sha256": hashlib.sha256(compiled).hexdigest(),
        "board": None,
    }


def _loop(material: Material, simulators: dict[str, Simulator]) -> dict[str, object]:
    """Let the token loop run freely in the simulator, its own answers fed back; what is refused runs in float32."""
    backend = SimulatedBackend(simulators, material.backend())
    model = material.model
    constants = model.constants()
    portrait = material.judged.asked["prompt"][0]
    prompt = Prompt(*backend.prompt(portrait["photo"], portrait["rest"]))
    frames = measure.speak(backend, model.manifest, constants, prompt, material.audio)
    in_float32 = [graph.name for graph in GRAPHS if graph.name not in simulators]
    return {**measure.loop_figures(measure.openings(frames, constants), material.openings), "float32": in_float32}


def _report(material: Material, found: dict[str, dict[str, object]], loops: dict[str, object]) -> Report:
    inputs = graphs.graph_inputs(NANO)
    return {
        "v": 1,
        "source": SOURCE,
        "target": TARGET,
        "model_id": material.model.manifest.model_id,
        "reference": f"float32, ONNX Runtime {version('onnxruntime')}, CPU",
        "voice": material.voice,
        "seconds": round(len(material.audio) / RATE, 2),
        "graphs": {
            graph.name: {
                "runs": graph.runs,
                "in_loop": graph.in_loop,
                "inputs": {name: list(shape) for name, shape in inputs[graph.name].items()},
                "precisions": found[graph.name],
            }
            for graph in GRAPHS
        },
        "token_loop": loops,
        "board": None,
    }


def shortfalls(report: Report) -> list[str]:
    """Return a sentence for each demand on the shipped precision that is not met."""
    found = []
    for name, graph in report["graphs"].items():  # type: ignore[attr-defined]
        figures = graph["precisions"].get(SHIPPED)
        if figures is None:
            continue
        on_cpu = figures["compiler_estimate"]["cpu_operations"]
        if graph["in_loop"] and on_cpu:
            types = figures["compiler_estimate"]["cpu_operation_types"]
            found.append(f"{name} ({SHIPPED}): {on_cpu} operations on the CPU ({', '.join(types)}), 0 are allowed")
        for output, values in figures["simulator"]["cosine"].items():
            if values["min"] < MIN_COSINE:
                found.append(f"{name}.{output} ({SHIPPED}): cosine {values['min']}, {MIN_COSINE} is demanded")
    loop = report["token_loop"].get(SHIPPED)  # type: ignore[attr-defined]
    if loop and abs(loop["amplitude_ratio"] - 1.0) > MAX_AMPLITUDE_ERROR:
        found.append(
            f"token loop ({SHIPPED}): opening amplitude {loop['amplitude_ratio']} of float32's, 3 % off is allowed"
        )
    return found
