"""H.264 and AAC in an MP4 by PyAV (libx264; see NOTICE): the encoder of development machines.

A frame with a hardware encoder gets a class beside this one with the same three methods.
"""

from fractions import Fraction

import av

from device_agent.engine.arrays import Pixels, Sound
from device_agent.engine.video.job import EncodeJob

BT709, LIMITED_RANGE = 1, 1
KEYFRAME_SECONDS = 2
AUDIO_BIT_RATE = 96_000


class LibavEncoder:
    """Writes one file; pictures and sound are interleaved as they come."""

    def __init__(self, job: EncodeJob) -> None:
        self._container = av.open(job.path, "w", format="mp4", options={"movflags": "+faststart"})
        self._container.metadata.update(job.metadata)
        self._video = self._container.add_stream("libx264", rate=job.fps)
        self._set_up_picture(job)
        self._audio = self._container.add_stream("aac", rate=job.sound_rate, layout="mono")
        self._audio.bit_rate = AUDIO_BIT_RATE
        self._fps, self._rate = job.fps, job.sound_rate
        self._frames = self._samples = 0

    def _set_up_picture(self, job: EncodeJob) -> None:
        context = self._video.codec_context
        context.width, context.height, context.pix_fmt = job.width, job.height, "yuv420p"
        context.time_base = Fraction(1, job.fps)
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED_RANGE
        context.gop_size = job.fps * KEYFRAME_SECONDS
        context.thread_count = job.threads
        context.options = {"preset": job.preset, "crf": str(job.crf), "rc-lookahead": "10"}

    def picture(self, flat: Pixels) -> None:
        """Encode one frame, [height * 3 / 2, width] of YUV 4:2:0."""
        frame = av.VideoFrame.from_numpy_buffer(flat, format="yuv420p")
        frame.pts, frame.time_base = self._frames, Fraction(1, self._fps)
        frame.colorspace, frame.color_range = BT709, LIMITED_RANGE
        self._frames += 1
        self._container.mux(self._video.encode(frame))

    def sound(self, samples: Sound) -> None:
        """Encode sound that follows the last; the encoder's own delay is recorded in the file's edit list."""
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
        frame.pts = self._samples
        self._samples += len(samples)
        self._container.mux(self._audio.encode(frame))

    def finish(self) -> None:
        """Flush both encoders and write the file's index."""
        self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Let go of the file as it is."""
        self._container.close()
