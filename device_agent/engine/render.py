"""The use case: a photo and a voice become a talking video."""

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from device_agent.engine import performance, timeline
from device_agent.engine.ahead import ahead
from device_agent.engine.life.hold import hold
from device_agent.engine.life.schedule import DEFAULT_LIVELINESS
from device_agent.engine.loaded import Engine
from device_agent.engine.mark import make_mark
from device_agent.engine.performance import Trace
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.photo.prepare import USUAL, Treatment, read_portrait
from device_agent.engine.stage import Stage
from device_agent.engine.stopwatch import Stopwatch, peak_memory_mb
from device_agent.engine.timeline import FPS
from device_agent.engine.video.job import EncodeResult
from device_agent.engine.video.presets import DEFAULT_PRESET
from device_agent.engine.video.process import EncoderProcess
from device_agent.engine.video.writer import VideoWriter
from device_agent.engine.voice import MAX_SECONDS, MODEL_RATE, load_voice
from device_agent.provenance import Provenance, to_metadata
from frame_protocol.model_package import Decode, Sampling
from frame_protocol.telemetry import Fill, Render

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """What a person can choose."""

    width: int = 1920
    height: int = 1080
    seconds: float | None = None
    fill: Fill = Fill.IDLE
    preset: str = DEFAULT_PRESET
    seed: int | None = None
    temperature: float | None = None
    liveliness: float = DEFAULT_LIVELINESS
    """0: nothing but the mouth moves; 1: as much as a lively speaker."""
    treatment: Treatment = USUAL
    voice_seconds: float = MAX_SECONDS
    """How much of a long recording is used."""
    mark: bool = False
    """Show in the picture that it is AI-generated; the file's metadata always says so."""


@dataclass(frozen=True)
class Rendered:
    """A finished video and how it was made."""

    event: Render
    stages: dict[str, float]
    """Seconds of each stage; the encoder's run beside the others, in its own process."""
    worked: dict[str, float]
    """The same in seconds of a processor; the encoder's on all cores."""
    warnings: tuple[str, ...]
    trace: Trace
    faces: int
    face_boxes: tuple[tuple[int, int, int, int], ...]
    """Every face of the photo, from left to right, as ``face_box``."""
    yaw_degrees: float
    face_box: tuple[int, int, int, int]
    """Left, top, right, bottom in pixels of the video."""


def render(
    engine: Engine, photo: Path, voice: Path, out: Path, *, options: Options, progress: Progress | None = None
) -> Rendered:
    """Make the video; ``out`` appears whole or not at all."""
    with EncoderProcess() as encoder:
        return _render(engine, photo, voice, out, encoder, options=options, progress=progress)


def _render(
    engine: Engine,
    photo: Path,
    voice: Path,
    out: Path,
    encoder: EncoderProcess,
    *,
    options: Options,
    progress: Progress | None,
) -> Rendered:
    watch = Stopwatch()
    with watch.stage("photo"):
        portrait = read_portrait(engine.reader, photo, options.width, options.height, options.treatment)
        mark = make_mark(options.width, options.height) if options.mark else None
        stage = Stage(portrait, engine.warp(portrait, lively=options.liveliness > 0, watch=watch), mark)
        prompt = engine.motion.prompt(portrait.prompt, portrait.rest_opening_mm, portrait.rest_width_mm)
    begin = time.perf_counter()
    with watch.stage("voice"):
        plan = timeline.plan(load_voice(voice, max_seconds=options.voice_seconds), options.seconds, options.fill)
    trace, sampling = Trace(), _sampling(engine, options)
    with watch.stage("life"):
        poses = hold(performance.live(plan, sampling.seed, options.liveliness), stage.apart)
    gestures = performance.perform(engine, plan, prompt, sampling, trace=trace, watch=watch)
    origin = Provenance(engine.manifest.model_id, str(uuid.uuid4()), options.fill)
    with VideoWriter(
        out,
        options.width,
        options.height,
        plan.sound,
        preset=options.preset,
        metadata=to_metadata(origin),
        encoder=encoder,
        threads=max(1, len(os.sched_getaffinity(0)) - 1),  # the drawing has a core; sharing it costs both
    ) as writer:
        first_frame = 0.0
        for index, gesture in enumerate(ahead(gestures)):
            with watch.stage("wait"):
                slot, planes = writer.draw()
            with watch.stage("warp"):
                stage.put(stage.draw(gesture, poses[index]), slot, planes)
            writer.submit()
            first_frame = first_frame or time.perf_counter() - begin
            if progress is not None:
                progress(index + 1, plan.frames)
        with watch.stage("finish"):
            encoded = writer.finish()
    watch.seconds["encode"], watch.worked["encode"] = encoded.encode_seconds, encoded.processor_seconds
    total = time.perf_counter() - begin
    event = _event(origin, plan, encoded, first_frame=first_frame, total=total)
    return Rendered(
        event,
        watch.seconds,
        watch.worked,
        plan.warnings + _about_the_photo(portrait, options),
        trace,
        portrait.faces,
        portrait.face_boxes,
        portrait.yaw_degrees,
        portrait.face_box,
    )


def _about_the_photo(portrait: Portrait, options: Options) -> tuple[str, ...]:
    return portrait.warnings + ((portrait.blinkless,) if portrait.blinkless and options.liveliness > 0 else ())


def _sampling(engine: Engine, options: Options) -> Sampling:
    default = engine.manifest.sampling
    seed = default.seed if options.seed is None else options.seed
    if options.temperature is None:
        return msgspec.structs.replace(default, seed=seed)
    return Sampling(decode=Decode.DRAW, temperature=options.temperature, seed=seed)


def _event(
    origin: Provenance,
    plan: timeline.Timeline,
    encoded: EncodeResult,
    *,
    first_frame: float,
    total: float,
) -> Render:
    return Render(
        video_id=origin.video_id,
        model_id=origin.model_id,
        frames=encoded.frames,
        voice_seconds=round(len(plan.speech) / MODEL_RATE, 3),
        video_seconds=round(plan.frames / FPS, 3),
        first_frame_ms=round(first_frame * 1000, 1),
        fps=round(encoded.frames / total, 2),
        peak_memory_mb=round(peak_memory_mb() + encoded.peak_memory_mb, 1),
        fill=origin.fill,
    )
