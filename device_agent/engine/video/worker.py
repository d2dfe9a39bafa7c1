"""The encoder process: ``python -m device_agent.engine.video.worker``.

Encoding lives in a process of its own: its memory goes back when the video is done, and it runs beside the drawing.
Standard input brings the job on one line, then one byte for each drawn slot; standard output returns the byte when
the slot is free again, and last of all an EncodeResult. Input that ends without END means that the drawing process
died: the file is deleted.
"""

import errno
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

SAMPLE_BYTES = 2
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
    encoder = LibavEncoder(job)
    frames, seconds = 0, 0.0
    try:
        while (slot := _next_slot(commands)) != END:
            begin = time.perf_counter()
            encoder.picture(ring.flat(slot))
            frames += 1
            encoder.sound(_sound(frames - 1, job))
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


def _sound(frame: int, job: EncodeJob) -> Sound:
    """Read the sound of one frame, silence after the end; memory for all of it would grow with the video."""
    begin, end = (round(index * job.sound_rate / job.fps) for index in (frame, frame + 1))
    count = max(0, min(end, job.sound_samples) - begin)
    part = np.frombuffer(os.pread(job.sound_descriptor, count * SAMPLE_BYTES, begin * SAMPLE_BYTES), dtype=np.int16)
    return np.pad(part, (0, end - begin - len(part)))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main() -> int:
    """Wait for a job and run it; nothing to do is no error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the drawing process, and with it the input
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    job = msgspec.json.decode(line, type=EncodeJob)
    answers = sys.stdout.buffer
    result = run(job, sys.stdin.buffer, answers)
    answers.write(bytes([END]) + msgspec.json.encode(result))
    answers.flush()
    return 0 if not result.error else 1


if __name__ == "__main__":
    sys.exit(main())
