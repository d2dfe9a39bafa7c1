"""Starts the encoder process, hands it frames, and gives the finished file its name."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from device_agent.engine.arrays import Sound
from device_agent.engine.video.frames import SLOTS, FrameRing, Planes
from device_agent.engine.video.job import END, EncodeJob, EncodeResult
from device_agent.engine.video.presets import rate_factor
from device_agent.engine.video.process import EncoderProcess
from device_agent.errors import StorageError, VideoError
from device_agent.system import disk
from device_agent.system.files import TEMPORARY_SUFFIX, disk_errors

FPS = 25
SOUND_RATE = 48_000

EXIT_SECONDS = 30.0
ALL_CORES = 0


class VideoWriter:
    """A video that is being written: ``draw()`` a frame into the planes, ``submit()``, and ``finish()``.

    ``encoder`` is one that was started earlier; without it one is started now. It takes ``threads``. Until ``finish``
    returns there is no file at ``path``; leaving the ``with`` block earlier leaves nothing behind.
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
        encoder: EncoderProcess | None = None,
        threads: int = ALL_CORES,
    ) -> None:
        self._path, self._temporary = path, path.with_name(path.name + TEMPORARY_SUFFIX)
        if not path.parent.is_dir():
            raise VideoError(f"cannot write {path}: there is no directory {path.parent}")
        self._encoder = encoder or EncoderProcess()
        self._process = self._encoder.process
        self.ring = FrameRing(width, height, self._encoder.frames)
        _share(sound, self._encoder.sound)
        job = EncodeJob(
            path=str(self._temporary), width=width, height=height, fps=FPS, preset=preset,
            crf=rate_factor(preset), threads=threads,
            frames_descriptor=self._encoder.frames, sound_descriptor=self._encoder.sound, sound_rate=SOUND_RATE,
            sound_samples=len(sound), metadata=metadata,
        )  # fmt: skip
        self._begin(job)
        self._free = list(range(SLOTS))
        self._result: EncodeResult | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._encoder.close()
        self._temporary.unlink(missing_ok=True)

    def draw(self) -> tuple[int, Planes]:
        """Wait for a free slot; return its number and its planes, which still hold an earlier frame."""
        while not self._free:
            message = self._encoder.answers.read(1)
            if not message or message[0] == END:
                self._fail(self._encoder.answers.read())
            self._free.append(message[0])
        slot = self._free[0]
        return slot, self.ring.planes(slot)

    def submit(self) -> None:
        """Hand over the frame that ``draw`` gave out."""
        self._send(self._free.pop(0))

    def finish(self) -> EncodeResult:
        """Wait for the encoder, then give the file its name; it is on the disk when this returns."""
        self._send(END)
        rest = self._encoder.answers.read()
        self._process.wait(EXIT_SECONDS)
        _, found, answer = rest.partition(bytes([END]))
        if not found or self._process.returncode != 0:
            self._fail(answer)
        result = msgspec.json.decode(answer, type=EncodeResult)
        with disk_errors(f"cannot write {self._path}"):
            disk.rename(self._temporary, self._path)
            disk.sync_directory(self._path.parent)
        return result

    def _begin(self, job: EncodeJob) -> None:
        try:
            self._encoder.begin(job)
        except BrokenPipeError:
            self._fail(b"")

    def _send(self, message: int) -> None:
        try:
            self._encoder.commands.write(bytes([message]))
            self._encoder.commands.flush()
        except BrokenPipeError:
            self._fail(self._encoder.answers.read().partition(bytes([END]))[2])

    def _fail(self, answer: bytes) -> None:
        self._process.wait(EXIT_SECONDS)
        if not answer:
            raise VideoError(f"cannot write {self._path}: the encoder ended with code {self._process.returncode}")
        result = msgspec.json.decode(answer, type=EncodeResult)
        kind = StorageError if result.storage else VideoError
        raise kind(f"cannot write {self._path}: {result.error}; check the free space and the name")


def _share(sound: Sound, descriptor: int) -> None:
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(sound.tobytes() or b"\0\0")
