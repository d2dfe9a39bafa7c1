"""Starts the encoder process, hands it frames, and gives the finished file its name."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from device_agent.engine.arrays import Sound
from device_agent.engine.video.frames import SLOTS, FrameRing, Planes
from device_agent.engine.video.job import END, EncodeJob, EncodeResult
from device_agent.engine.video.presets import rate_factor
from device_agent.errors import StorageError, VideoError
from device_agent.system import disk
from device_agent.system.files import TEMPORARY_SUFFIX, disk_errors

FPS = 25
SOUND_RATE = 48_000

ROOT = Path(__file__).resolve().parents[3]
EXIT_SECONDS = 30.0


class VideoWriter:
    """A video that is being written: ``draw()`` a frame into the planes, ``submit()``, and ``finish()``.

    Until ``finish`` returns there is no file at ``path``; leaving the ``with`` block earlier leaves nothing behind.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        sound: Sound,
        *,
        preset: str,
        metadata: dict[str, str],
    ) -> None:
        self._path, self._temporary = path, path.with_name(path.name + TEMPORARY_SUFFIX)
        if not path.parent.is_dir():
            raise VideoError(f"cannot write {path}: there is no directory {path.parent}")
        self.ring = FrameRing(width, height)
        self._sound = _shared_sound(sound)
        job = EncodeJob(
            path=str(self._temporary), width=width, height=height, fps=FPS, preset=preset,
            crf=rate_factor(preset), threads=0,
            frames_descriptor=self.ring.descriptor, sound_descriptor=self._sound, sound_rate=SOUND_RATE,
            sound_samples=len(sound), metadata=metadata,
        )  # fmt: skip
        self._process = _start(job)
        self._free = list(range(SLOTS))
        self._result: EncodeResult | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                # What an ended encoder did not read is lost with it; the error that matters is already on its way.
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._temporary.unlink(missing_ok=True)
        self.ring.close()
        os.close(self._sound)

    def draw(self) -> tuple[int, Planes]:
        """Wait for a free slot; return its number and its planes, which still hold an earlier frame."""
        while not self._free:
            message = _pipe(self._process.stdout).read(1)
            if not message or message[0] == END:
                self._fail(_pipe(self._process.stdout).read())
            self._free.append(message[0])
        slot = self._free[0]
        return slot, self.ring.planes(slot)

    def submit(self) -> None:
        """Hand over the frame that ``draw`` gave out."""
        self._send(self._free.pop(0))

    def finish(self) -> EncodeResult:
        """Wait for the encoder, then give the file its name; it is on the disk when this returns."""
        self._send(END)
        rest = _pipe(self._process.stdout).read()
        self._process.wait(EXIT_SECONDS)
        _, found, answer = rest.partition(bytes([END]))
        if not found or self._process.returncode != 0:
            self._fail(answer)
        result = msgspec.json.decode(answer, type=EncodeResult)
        with disk_errors(f"cannot write {self._path}"):
            disk.rename(self._temporary, self._path)
            disk.sync_directory(self._path.parent)
        return result

    def _send(self, message: int) -> None:
        try:
            pipe = _pipe(self._process.stdin)
            pipe.write(bytes([message]))
            pipe.flush()
        except BrokenPipeError:
            self._fail(_pipe(self._process.stdout).read().partition(bytes([END]))[2])

    def _fail(self, answer: bytes) -> None:
        self._process.wait(EXIT_SECONDS)
        if not answer:
            raise VideoError(f"cannot write {self._path}: the encoder ended with code {self._process.returncode}")
        result = msgspec.json.decode(answer, type=EncodeResult)
        kind = StorageError if result.storage else VideoError
        raise kind(f"cannot write {self._path}: {result.error}; check the free space and the name")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise VideoError("the encoder process has no pipes; start the command again")
    return pipe


def _shared_sound(sound: Sound) -> int:
    descriptor = os.memfd_create("liveframe-sound")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(sound.tobytes() or b"\0\0")
    return descriptor


def _start(job: EncodeJob) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    }
    return subprocess.Popen(
        [sys.executable, "-m", "device_agent.engine.video.worker", msgspec.json.encode(job).decode()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        pass_fds=(job.frames_descriptor, job.sound_descriptor),
    )  # fmt: skip
