"""Compiles one graph and simulates it: ``python -m model_pipeline.npu.compiler JOB.json``.

It runs under ``.venv-rknn`` and so imports nothing of the laboratory. The simulator lives only as long as the
build, so one process does both. Standard output carries one line of JSON ("ready"), then, for each set of inputs read
from standard input, the outputs: raw little-endian float32, in the order of the job. All that the toolkit
prints goes to the job's log file.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

QUANTISER = "mmse"
"""``kl_divergence`` loses everything where one channel stands out."""


def main() -> int:
    """Build, export, then answer until standard input ends."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answers = _own_stdout(Path(job["log"]))
    from rknn.api import RKNN

    rknn = RKNN(verbose=True)
    _build(rknn, job)
    answers.write(b'{"ready": true}\n')
    answers.flush()
    _serve(rknn, job, sys.stdin.buffer, answers)
    rknn.release()
    return 0


def _own_stdout(log: Path) -> BinaryIO:
    """Keep the pipe for answers, and send what the toolkit and its libraries print to ``log``."""
    answers = os.fdopen(os.dup(1), "wb")
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
    return answers


def _build(rknn: Any, job: dict[str, Any]) -> None:  # noqa: ANN401 - the toolkit has no types
    quantised = job["dataset"] is not None
    how = {"quantized_dtype": job["precision"], "quantized_algorithm": QUANTISER} if quantised else {}
    rknn.config(target_platform=job["target"], disable_rules=job["without_rules"], **how)
    _must(rknn.load_onnx(job["model"]), "load_onnx")
    _must(rknn.build(do_quantization=quantised, dataset=job["dataset"]), "build")
    _must(rknn.export_rknn(job["out"]), "export_rknn")
    _must(rknn.init_runtime(), "init_runtime (simulator)")


def _must(code: int, step: str) -> None:
    if code != 0:
        raise SystemExit(f"{step} returned {code}")


def _serve(rknn: Any, job: dict[str, Any], questions: BinaryIO, answers: BinaryIO) -> None:  # noqa: ANN401
    shapes = list(job["inputs"].values())
    size = 4 * sum(int(np.prod(shape)) for shape in shapes)
    while len(data := questions.read(size)) == size:
        for value in rknn.inference(inputs=_split(data, shapes), data_format=["nchw"] * len(shapes)):
            answers.write(np.ascontiguousarray(value, dtype="<f4").tobytes())
        answers.flush()


def _split(data: bytes, shapes: list[list[int]]) -> list[NDArray[np.float32]]:
    flat = np.frombuffer(data, dtype="<f4")
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]


if __name__ == "__main__":
    sys.exit(main())
