"""The last clips -> what trains: tracks as the loader reads them, photos with their mouths' rest shapes, a sheet."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from device_agent.engine.features import VIDEO_FPS
from model_pipeline.prepare.clip import Clip, read_clip
from model_pipeline.prepare.layout68 import LAYOUT
from model_pipeline.prepare.runner import Unit

TRACKS, PHOTOS, SHEET = "tracks", "photos.npz", "sheet.png"
SUBPIXELS = 32
"""Landmarks are stored in units of 1/32 pixel."""
MOST_PHOTOS = 4000
"""0.8 GB: a training holds them in memory, and learns no more from more moments of the same faces."""
_TILE, _COLUMNS, _ROWS = 128, 10, 8


def collect(clips: Sequence[Unit], out: Path, *, most_photos: int = MOST_PHOTOS) -> tuple[dict[str, float], int]:
    """Write tracks, photos and sheet of the last stage's clips; return seconds by speaker, and how many photos.

    With more photos than ``most_photos`` every second (third, ...) clip gives its photos.
    """
    (out / TRACKS).mkdir(parents=True, exist_ok=True)
    names = {f"{unit.name}.npz" for unit in clips}
    for old in (out / TRACKS).iterdir():
        if old.name not in names:
            old.unlink()
    seconds: dict[str, float] = {}
    count = 0
    for unit in clips:
        clip = read_clip(unit.source)
        write_track(out / TRACKS / f"{clip.id}.npz", clip)
        seconds[clip.speaker] = seconds.get(clip.speaker, 0.0) + clip.seconds
        count += len(clip.photos)
    if not count:
        return seconds, 0
    shown = [_shown(read_clip(unit.source)) for unit in clips[:: -(-count // most_photos)]]
    _write_photos(out / PHOTOS, shown)
    cv2.imwrite(str(out / SHEET), sheet([clip for clip in shown if len(clip.photos)]))
    return seconds, sum(len(clip.photos) for clip in shown)


def _shown(clip: Clip) -> Clip:
    """Return the clip with its photos alone: hours of landmarks and sound need not be in memory for them."""
    return replace(clip, landmarks=clip.landmarks[:0], points68=clip.points68[:0], audio=clip.audio[:0])


def write_track(path: Path, clip: Clip) -> None:
    """Write one clip as ``model_pipeline.data.tracks`` reads it; the lag between lips and sound is taken as 0."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file, id=clip.id, speaker=clip.speaker, transcript="", fps=float(VIDEO_FPS),
            landmarks=np.round(clip.landmarks * SUBPIXELS).astype(np.int16), landmark_scale=1 / SUBPIXELS,
            ok=clip.ok, pts=clip.pts, points68=clip.points68, frame_size=np.array([clip.size, clip.size]),
            audio=clip.audio, audio_rate=16_000, audio_start=0.0, av_lag_seconds=0.0, av_lag_frames=0,
        )  # fmt: skip
    part.replace(path)


def _write_photos(path: Path, clips: Sequence[Clip]) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file, pixels=np.concatenate([clip.photos for clip in clips]),
            rest=np.concatenate([clip.rest for clip in clips]),
            treatment=np.concatenate([clip.treatment for clip in clips]),
        )  # fmt: skip
    part.replace(path)


def sheet(clips: Sequence[Clip]) -> NDArray[np.uint8]:
    """Return a contact sheet in BGR: a row for each of some clips, the 68 points on its first photo."""
    chosen = [clips[int(i)] for i in np.unique(np.linspace(0, len(clips) - 1, min(_ROWS, len(clips))).astype(int))]
    rows = [_row(clip) for clip in chosen if len(clip.photos)]
    return np.concatenate(rows)


def _row(clip: Clip) -> NDArray[np.uint8]:
    wanted = np.unique(np.linspace(0, len(clip.photos) - 1, min(_COLUMNS, len(clip.photos))).astype(int))
    photos = [_marked(clip), *(clip.photos[int(i)] for i in wanted[1:])]
    tiles = [cv2.resize(photo, (_TILE, _TILE), interpolation=cv2.INTER_AREA) for photo in photos]
    tiles += [np.full((_TILE, _TILE, 3), 255, dtype=np.uint8)] * (_COLUMNS - len(tiles))
    return np.ascontiguousarray(np.concatenate(tiles, axis=1)[..., ::-1])


def _marked(clip: Clip) -> NDArray[np.uint8]:
    """Return the first photo with the 68 points on it."""
    photo = clip.photos[0].copy()
    for x, y in clip.photo_points[0][list(LAYOUT)]:
        cv2.circle(photo, (round(float(x)), round(float(y))), 2, (0, 255, 0), -1)
    return photo
