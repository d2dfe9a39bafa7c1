"""The compiler's process as seen from the laboratory: a compiled graph, its log, and its simulator."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from device_agent.engine.runtime.backend import StepInputs
from device_agent.engine.runtime.onnx import OnnxBackend
from model_pipeline.errors import DataMissing, ToolFailed
from model_pipeline.npu.plan import FP16, TARGET
from model_pipeline.npu.record import Floats, Inputs

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".venv-rknn" / "bin" / "python"
"""Made by scripts/bootstrap.sh rknn; VENV_RKNN names another folder."""
TAIL_LINES = 12
REPRODUCIBLE = {"PYTHONHASHSEED": "0", "MALLOC_PERTURB_": "165", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}
"""The compiler writes memory that it never set into the .rknn file: without these, whatever threads left there."""

Shapes = dict[str, tuple[int, ...]]


def compiler_python() -> Path:
    """Return the interpreter of the compiler's environment; raises DataMissing."""
    folder = os.environ.get("VENV_RKNN")
    python = Path(folder) / "bin" / "python" if folder else PYTHON
    if not python.is_file():
        raise DataMissing(f"{python} is missing: the NPU compiler is not installed; run: make rknn")
    return python.absolute()


@dataclass(frozen=True)
class Job:
    """One graph in one precision."""

    model: Path
    """ONNX file, made by ``fold``."""
    precision: str
    inputs: Shapes
    outputs: Shapes
    out: Path
    """The .rknn file to write; log and calibration lie beside it."""
    without_rules: tuple[str, ...] = ()
    """Rules of the compiler that must not be tried."""

    @property
    def log(self) -> Path:
        """Everything that the compiler printed."""
        return self.out.with_suffix(".log")


class Simulator:
    """A compiled graph, and the simulator of the process that compiled it."""

    def __init__(self, job: Job, calibration: Sequence[Inputs]) -> None:
        self._job = job
        self._process = _start(job, calibration)
        if not self._read_line():
            raise self._failed("compile")

    def run(self, inputs: Inputs) -> list[Floats]:
        """Ask the simulator once; raises ToolFailed."""
        process, job = self._process, self._job
        assert process.stdin and process.stdout  # noqa: S101 - opened as pipes below
        for name, shape in job.inputs.items():
            value = np.ascontiguousarray(inputs[name], dtype="<f4")
            if value.shape != tuple(shape):
                raise ToolFailed(f"{job.out.stem}: input {name} is {value.shape}, {tuple(shape)} was compiled")
            process.stdin.write(value.tobytes())
        process.stdin.flush()
        size = 4 * sum(int(np.prod(shape)) for shape in job.outputs.values())
        data = process.stdout.read(size)
        if len(data) != size:
            raise self._failed("simulate")
        flat = np.frombuffer(data, dtype="<f4")
        ends = np.cumsum([int(np.prod(shape)) for shape in job.outputs.values()])
        parts = np.split(flat, ends[:-1])
        return [part.reshape(shape).copy() for part, shape in zip(parts, job.outputs.values(), strict=True)]

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def _read_line(self) -> bool:
        assert self._process.stdout  # noqa: S101
        return bool(self._process.stdout.readline())

    def _failed(self, what: str) -> ToolFailed:
        self.close()
        log = self._job.log
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        tail = [line for line in text.splitlines() if line.strip()][-TAIL_LINES:]
        return ToolFailed(
            f"rknn-toolkit2 cannot {what} {self._job.out.stem} (exit code {self._process.returncode}); "
            f"the end of {log}:\n" + "\n".join(tail)
        )


def _start(job: Job, calibration: Sequence[Inputs]) -> "subprocess.Popen[bytes]":
    """Start the compiler without address-space randomisation: with it, two builds differ."""
    job.out.parent.mkdir(parents=True, exist_ok=True)
    description = job.out.with_suffix(".json")
    dataset = None if job.precision == FP16 else _write_dataset(job, calibration)
    description.write_text(json.dumps({
        "target": TARGET, "precision": job.precision, "model": os.fspath(job.model.absolute()),
        "inputs": job.inputs, "dataset": dataset, "out": os.fspath(job.out.absolute()),
        "log": os.fspath(job.log.absolute()), "without_rules": job.without_rules,
    }), encoding="utf-8")  # fmt: skip
    environment = {**os.environ, **REPRODUCIBLE, "PYTHONPATH": os.fspath(REPOSITORY)}
    command = ["setarch", "-R", os.fspath(compiler_python()), "-m", "model_pipeline.npu.compiler"]
    return subprocess.Popen(
        [*command, os.fspath(description.absolute())],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr,
        cwd=job.out.parent, env=environment,
    )  # fmt: skip


def _write_dataset(job: Job, calibration: Sequence[Inputs]) -> str:
    """Write the calibration inputs as the toolkit reads them: a line of .npy files for each set."""
    folder = job.out.with_suffix(".calibration")
    folder.mkdir(exist_ok=True)
    lines = []
    for number, inputs in enumerate(calibration):
        paths = [folder / f"{number}-{name}.npy" for name in job.inputs]
        for path, name in zip(paths, job.inputs, strict=True):
            np.save(path, inputs[name])
        lines.append(" ".join(os.fspath(path.absolute()) for path in paths))
    listing = folder / "dataset.txt"
    listing.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return os.fspath(listing.absolute())


class SimulatedBackend:
    """A ``Backend`` whose graphs run in simulators where there is one, and by ``rest`` where there is none."""

    def __init__(self, simulators: dict[str, Simulator], rest: OnnxBackend) -> None:
        self._simulators, self._rest = simulators, rest

    def audio(self, mel: Floats) -> Floats:
        """Run the audio encoder."""
        found = self._simulators.get("audio")
        return found.run({"mel": mel})[0] if found else self._rest.audio(mel)

    def prompt(self, photo: Floats, rest: Floats) -> tuple[Floats, Floats]:
        """Run the visual prompt."""
        found = self._simulators.get("prompt")
        if not found:
            return self._rest.prompt(photo, rest)
        keys, values = found.run({"photo": photo, "rest": rest})
        return keys, values

    def step(self, inputs: StepInputs) -> tuple[Floats, Floats, Floats]:
        """Run the transformer."""
        found = self._simulators.get("step")
        if not found:
            return self._rest.step(inputs)
        logits, keys, values = found.run(vars(inputs))
        return logits, keys, values

    def decoder(self, codes: Floats) -> Floats:
        """Run the decoder."""
        found = self._simulators.get("decoder")
        return found.run({"codes": codes})[0] if found else self._rest.decoder(codes)

    def tongue(self, mel: Floats) -> Floats:
        """Listen for the tongue."""
        found = self._simulators.get("tongue")
        return found.run({"mel": mel})[0] if found else self._rest.tongue(mel)

    def repair(self, mouth: Floats) -> Floats:
        """Run the repair."""
        found = self._simulators.get("repair")
        return found.run({"mouth": mouth})[0] if found else self._rest.repair(mouth)
