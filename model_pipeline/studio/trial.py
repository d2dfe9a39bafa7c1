"""The mouth on rendered heads, in exact millimetres: what the engine would show beside what the head does.

A mouth speaks under the photo of each head; its maps are carried onto the picture by the engine's own alignment of
that picture, and its lip points compared, in the picture's plane, with the head's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from device_agent.engine.features import SAMPLE_RATE, VIDEO_FPS
from device_agent.engine.loaded import Engine
from device_agent.engine.runtime.motion import MotionModel
from device_agent.errors import NoFace, VoiceSilent
from model_pipeline.data import visemes
from model_pipeline.data.tracks import Track
from model_pipeline.score import Score, score, signed_gap
from model_pipeline.studio import driving
from model_pipeline.studio.alignment import Alignment, align_photo
from model_pipeline.studio.driving import Performance
from model_pipeline.studio.head import Head, make_head
from model_pipeline.studio.identity import draw_person
from model_pipeline.studio.pairs import scale_at_lips
from model_pipeline.studio.picture import Camera, Pixels, Studio, camera, draw_shot
from model_pipeline.studio.rig import make_rig

Floats = NDArray[np.float64]
FIRST_HEAD = 1_000_000
"""Heads of the evaluation are drawn from here on; training draws its own below."""
BANDS = ((0, 15), (15, 30), (30, 45))
"""Degrees of yaw, either side."""
CLOSED_MM, NEAR_FRAMES = 1.5, 1
"""A closure counts when the lips come so near within so many frames of the sound's middle."""
TRACK_S = 8.0
"""Of each real clip, from its beginning: one clip is a third of all seconds."""
LOOKED_AT = 6
"""Closures, and open vowels, of a clip that the face tracker looks at in the drawn picture."""

Speak = Callable[[NDArray[np.float32], Alignment], Sequence[NDArray[np.floating]]]
"""Sound and aligned photo in; one map [4,64,64] for each frame out."""


@dataclass(frozen=True)
class Sitting:
    """One head, photographed with its mouth closed, as the engine sees it."""

    head: Head
    view: Camera
    band: int
    photo: Pixels
    aligned: Alignment
    px_per_mm: float


@dataclass(frozen=True)
class Clip:
    """Figures of one performance of one sitting."""

    driven: str
    name: str
    seed: int
    band: int
    yaw_degrees: float
    found: bool
    """Whether the engine found the face in the picture."""
    rows: dict[str, Score]
    closures_mm: tuple[float, ...] = ()
    """Distance of the inner lips around each P, B, M where they come nearest; negative where they cross."""
    tracked_closures_mm: tuple[float, ...] = ()
    """What the face tracker reads in the drawn picture there, less its reading of the closed photo."""
    tracked_vowels_mm: tuple[float, ...] = ()
    """The same on open vowels: a measure that calls these closed is none."""
    silence_mm: float = float("nan")
    """How far the opening moves in a second of silence."""
    fit_mm: float = float("nan")
    """What of a track's lips the head could not follow."""


def engine_speaks(engine: Engine, model: MotionModel, *, sees_photo: bool = True) -> Speak:
    """Return how ``model`` speaks in the package: under the photo's prompt, the mouth gated by voice activity."""
    sampling = engine.manifest.sampling

    def speak(audio: NDArray[np.float32], aligned: Alignment) -> list[NDArray[np.floating]]:
        seen = aligned.portrait
        if seen is None or not sees_photo:
            prompt = model.null_prompt()
        else:
            prompt = model.prompt(seen.prompt, seen.rest_opening_mm, seen.rest_width_mm)
        try:
            gate: Iterator[float] = engine.gate(audio)
            return [frame.motion * np.float32(next(gate)) for frame in model.speak(audio, prompt, sampling)]
        except VoiceSilent:
            return [frame.motion for frame in model.speak(audio, prompt, sampling)]

    return speak


def sit(engine: Engine, seed: int, band: int, size: int) -> Sitting:
    """Photograph the head of a seed in a yaw band and let the engine measure it."""
    low, high = BANDS[band]
    dice = np.random.default_rng([seed, band, 3])
    yaw = float(dice.uniform(low, high) * dice.choice([-1.0, 1.0]))
    head, shot = make_head(draw_person(seed)), draw_shot(seed * len(BANDS) + band, yaw=yaw, size=size)
    shot, view = replace(shot, pitch=float(np.clip(shot.pitch, -8, 8))), camera(shot)
    photo = Studio(head).shoot(view.shot)
    aligned = align_photo(engine.reader, photo, head, view, engine.constants)
    return Sitting(head, view, band, photo, aligned, scale_at_lips(view, head.lips_at_rest))


def measure(  # noqa: PLR0917
    engine: Engine, speak: Speak, sitting: Sitting, performance: Performance, shares: Floats, driven: str
) -> Clip:
    """Let the mouth speak and compare it with the head under facial actions [T,52]."""
    maps = speak(performance.audio, sitting.aligned)
    frames = min(len(maps), len(shares))
    maps = list(maps[:frames])
    rest = sitting.view.project(sitting.head.lips_at_rest)[:, :2]
    truth = sitting.view.project(sitting.head.lips(shares[:frames]))[..., :2]
    ours = rest + np.stack([sitting.aligned.moved(motion, engine.constants) for motion in maps])
    real, shown = _in_mm(truth, sitting), _in_mm(ours, sitting)
    still = np.repeat(_in_mm(rest[None], sitting), frames, axis=0)
    late = {f"{n} late": np.concatenate([np.repeat(real[:1], n, axis=0), real[:-n]]) for n in (1, 2)}
    rows = {name: score(value, real) for name, value in ({"ours": shown, "static": still} | late).items()}
    clip = Clip(
        driven, performance.name, sitting.head.person.seed, sitting.band, round(sitting.view.shot.yaw, 1),
        sitting.aligned.portrait is not None, rows,
    )  # fmt: skip
    return _spoken_figures(engine, sitting, performance, maps, shown, clip) if performance.pulls else clip


def _in_mm(pixels: Floats, sitting: Sitting) -> Floats:
    flat = pixels / sitting.px_per_mm
    return np.concatenate([flat, np.zeros((*flat.shape[:-1], 1))], axis=-1)


def _spoken_figures(  # noqa: PLR0917
    engine: Engine,
    sitting: Sitting,
    performance: Performance,
    maps: list[NDArray[np.floating]],
    shown: Floats,
    clip: Clip,
) -> Clip:
    frames, gap = len(maps), signed_gap(shown)
    marks = np.flatnonzero(visemes.closures(performance.pulls, frames))
    windows = [np.arange(max(0, m - NEAR_FRAMES), min(frames, m + NEAR_FRAMES + 1)) for m in marks]
    best = [int(window[np.argmin(np.abs(gap[window]))]) for window in windows]
    open_ = np.flatnonzero(visemes.frames_of(performance.pulls, frames, visemes.Viseme.OPEN, inset=0.02))
    first, last = performance.silent
    return replace(
        clip,
        closures_mm=tuple(float(gap[index]) for index in best),
        tracked_closures_mm=_tracked(engine, sitting, [maps[i] for i in _some(best)]),
        tracked_vowels_mm=_tracked(engine, sitting, [maps[i] for i in _some(open_.tolist())]),
        silence_mm=float(np.ptp(gap[first:last])),
    )


def _some(indices: list[int]) -> list[int]:
    if len(indices) <= LOOKED_AT:
        return indices
    return [indices[i] for i in np.linspace(0, len(indices) - 1, LOOKED_AT).astype(int)]


def _tracked(engine: Engine, sitting: Sitting, maps: list[NDArray[np.floating]]) -> tuple[float, ...]:
    """Draw the photo under each map as the engine draws it, and let the face tracker measure the lips."""
    portrait = sitting.aligned.portrait
    if portrait is None or not maps:
        return ()
    warp, readings = engine.warp(portrait), []
    still = _opening(engine, cv2.cvtColor(portrait.yuv[..., 0], cv2.COLOR_GRAY2RGB))
    for motion in maps:
        grey = portrait.yuv[..., 0].copy()
        grey[warp.box.slices] = warp.draw(motion.astype(np.float32))[0]
        readings.append(_opening(engine, cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)) - still)
    return tuple(value for value in readings if not np.isnan(value))


def _opening(engine: Engine, picture: Pixels) -> float:
    try:
        points = engine.reader.read(picture, picture.shape[1], picture.shape[0]).landmarks
    except NoFace:
        return float("nan")
    return float(canonical.opening(canonical.to_mm(points).apply(points)))


def run_rules(engine: Engine, speak: Speak, seeds: Sequence[int], size: int, done: Callable[[], None]) -> list[Clip]:
    """Measure every head in every band, each with a voice that no training heard."""
    clips = []
    for number, seed in enumerate(seeds):
        for band in range(len(BANDS)):
            sitting = sit(engine, seed, band, size)
            performance = driving.spoken(number * len(BANDS) + band)
            shares = driving.by_rules(make_rig(sitting.head), performance)
            clips.append(measure(engine, speak, sitting, performance, shares, "rules"))
            done()
    return clips


def run_tracks(  # noqa: PLR0917
    engine: Engine,
    speak: Callable[[Track], Speak],
    tracks: Sequence[Track],
    seeds: Sequence[int],
    size: int,
    done: Callable[[], None],
) -> list[Clip]:
    """Measure every clip in every band: a head of ``seeds`` speaks as the real person did.

    ``speak`` gives each clip a mouth; one that heard none of its speaker for the figures to be called held out.
    """
    clips, motions = [], driving.lip_motion(tracks, engine.constants.points)
    for band in range(len(BANDS)):
        sittings = [sit(engine, seed, band, size) for seed in seeds]
        for number, track in enumerate(tracks):
            sitting = sittings[number % len(sittings)]
            shares, left = driving.by_track(sitting.head, motions[track.id][: round(TRACK_S * VIDEO_FPS)])
            performance = Performance(track.id, track.audio[: round(TRACK_S * SAMPLE_RATE)])
            clip = measure(engine, speak(track), sitting, performance, shares, "tracks")
            clips.append(replace(clip, fit_mm=left))
            done()
    return clips
