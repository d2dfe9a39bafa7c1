"""The encoder's process: started early, it loads its libraries while the photo is still looked at."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from device_agent.engine.video.job import EncodeJob
from device_agent.errors import VideoError

ROOT = Path(__file__).resolve().parents[3]


class EncoderProcess:
    """Waits for one job; leaving the ``with`` block ends it, whatever it is doing."""

    def __init__(self) -> None:
        self.frames, self.sound = os.memfd_create("liveframe-frames"), os.memfd_create("liveframe-sound")
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "device_agent.engine.video.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, pass_fds=(self.frames, self.sound),
        )  # fmt: skip
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def commands(self) -> IO[bytes]:
        """Where the encoder is told what to do."""
        return _pipe(self.process.stdin)

    @property
    def answers(self) -> IO[bytes]:
        """What the encoder says."""
        return _pipe(self.process.stdout)

    def begin(self, job: EncodeJob) -> None:
        """Hand over the job; raises BrokenPipeError when the process has ended."""
        self.commands.write(msgspec.json.encode(job) + b"\n")
        self.commands.flush()

    def close(self) -> None:
        """End the process and let go of the shared memory; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                # What an ended encoder did not read is lost with it; the error that matters is already on its way.
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        for descriptor in (self.frames, self.sound):
            os.close(descriptor)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise VideoError("the encoder process has no pipes; start the command again")
    return pipe
