"""The encoder process: ``python -m device_agent.engine.video.worker JOB``.

Encoding lives in a process of its own: its memory goes back when the video is done, and it runs beside the drawing.
Standard input brings one byte for each drawn slot, standard output returns the byte when the slot is free again, and
last of all an EncodeResult. Input that ends without END means that the drawing process died: the file is deleted.
"""

import errno
import mmap
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import BinaryIO

import av
import msgspec
import numpy as np

from device_agent.engine.arrays import Sound
from device_agent.engine.video.frames import FrameRing
from device_agent.engine.video.job import END, EncodeJob, EncodeResult
from device_agent.engine.video.libav import LibavEncoder

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


def run(job: EncodeJob, commands: BinaryIO, answers: BinaryIO) -> EncodeResult:
    """Encode until END; the file at ``job.path`` is whole and synced, or gone."""
    try:
        frames, seconds = _encode(job, commands, answers)
        _sync(Path(job.path))
    except (av.FFmpegError, OSError, EOFError) as error:
        Path(job.path).unlink(missing_ok=True)
        return EncodeResult(error=str(error), storage=getattr(error, "errno", None) in DISK_ERRORS)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return EncodeResult(
        frames=frames, encode_seconds=seconds, processor_seconds=used.ru_utime + used.ru_stime,
        peak_memory_mb=used.ru_maxrss / 1024,
    )  # fmt: skip


def _encode(job: EncodeJob, commands: BinaryIO, answers: BinaryIO) -> tuple[int, float]:
    ring = FrameRing(job.width, job.height, job.frames_descriptor)
    sound = _sound(job)
    encoder = LibavEncoder(job)
    frames, seconds = 0, 0.0
    try:
        while (slot := _next_slot(commands)) != END:
            begin = time.perf_counter()
            encoder.picture(ring.flat(slot))
            frames += 1
            encoder.sound(_slice(sound, frames - 1, job))
            seconds += time.perf_counter() - begin
            answers.write(bytes([slot]))
            answers.flush()
        begin = time.perf_counter()
        encoder.finish()
    except BaseException:
        encoder.abandon()
        raise
    return frames, seconds + time.perf_counter() - begin


def _next_slot(commands: BinaryIO) -> int:
    message = commands.read(1)
    if not message:
        raise EOFError("the drawing process ended before the video did")
    return message[0]


def _sound(job: EncodeJob) -> Sound:
    memory = mmap.mmap(job.sound_descriptor, 0, access=mmap.ACCESS_READ)
    return np.frombuffer(memory, dtype=np.int16, count=job.sound_samples)


def _slice(sound: Sound, frame: int, job: EncodeJob) -> Sound:
    """Return the sound of one frame, silence after the end."""
    begin, end = (round(index * job.sound_rate / job.fps) for index in (frame, frame + 1))
    part = sound[begin:end]
    return np.pad(part, (0, end - begin - len(part)))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main() -> int:
    """Run the job of the command line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the drawing process, and with it the input
    job = msgspec.json.decode(sys.argv[1], type=EncodeJob)
    answers = sys.stdout.buffer
    result = run(job, sys.stdin.buffer, answers)
    answers.write(bytes([END]) + msgspec.json.encode(result))
    answers.flush()
    return 0 if not result.error else 1


if __name__ == "__main__":
    sys.exit(main())
