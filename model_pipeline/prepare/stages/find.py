"""Stage ``find``: one minute of a recording -> clips of one face that stays in view, each in a square of its own.

The square is fixed for a clip, so that optical flow sees the head move and not the camera's crop. A clip ends where
the face is lost, jumps (a cut) or leaves the square, and after ``clip_s``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from device_agent.engine.photo.crop import Square, square_around
from model_pipeline.errors import DataMissing
from model_pipeline.prepare import media
from model_pipeline.prepare.clip import Clip, to_int16, write_clip, write_pictures
from model_pipeline.prepare.faces import FaceFinder, Landmarks, eyes_apart
from model_pipeline.prepare.outcome import Outcome, SetAside, Why
from model_pipeline.prepare.progress import Tick

NAME = "find"
QUALITY = 88
"""Of the JPEGs, in percent: flow still sees tenths of a pixel."""


@dataclass(frozen=True)
class Recording:
    """A stretch of a recording and who speaks in it."""

    path: Path
    source: str
    """Its path below the folder of videos."""
    speaker: str
    start: float
    stop: float
    trouble: Why | None = None
    """Why it is not even opened."""
    detail: str = ""


@dataclass(frozen=True)
class FindSettings:
    """What counts as a face worth following."""

    clip_s: float = 12.0
    shortest_s: float = 1.0
    look_every_s: float = 1.0
    """Faces are counted this often."""
    retry_s: float = 0.2
    """Where there is no single face, the next look is after this long: a look costs ten times a step."""
    side: int = 384
    """Largest side of the square in pixels."""
    around: float = 2.0
    """Side of the square in units of the face's."""
    jump: float = 0.6
    """A face that moves this far between two frames, in distances between the eyes, is another picture."""
    least_eyes_px: float = 40.0


@dataclass
class _Take:
    """A clip that is being filmed."""

    square: Square
    size: int
    seconds: list[float] = field(default_factory=list)
    landmarks: list[Landmarks] = field(default_factory=list)
    jpegs: list[bytes] = field(default_factory=list)

    def add(self, second: float, picture: NDArray[np.uint8], points: Landmarks) -> None:
        """Take a frame."""
        crop = cv2.cvtColor(self.square.cut(picture, self.size), cv2.COLOR_RGB2BGR)
        self.jpegs.append(cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())
        self.seconds.append(second)
        scale = self.size / self.square.side
        corner = np.array([self.square.x, self.square.y, 0.0]) - np.array([0.5, 0.5, 0.0]) * self.square.side
        self.landmarks.append(((points - corner) * scale).astype(np.float32))

    def holds(self, points: Landmarks) -> bool:
        """Say whether a face [478,3] is inside the square."""
        half = self.square.side / 2
        away = np.abs(points[:, :2] - np.array([self.square.x, self.square.y]))
        return bool(away.max() < half)


def find(recording: Recording, target: Path, finder: FaceFinder, settings: FindSettings, tick: Tick) -> Outcome:
    """Write the clips of ``recording`` below ``target``."""
    outcome = Outcome(seconds_in=recording.stop - recording.start)
    if recording.trouble is not None:
        return _refused(outcome, recording, recording.trouble, recording.detail)
    try:
        for take in _takes(recording, finder, settings, outcome, tick):
            _keep(take, recording, target, settings, outcome)
    except DataMissing as error:
        whole = Outcome(seconds_in=outcome.seconds_in)
        return _refused(whole, recording, Why.UNREADABLE, str(error))
    return outcome


def _refused(outcome: Outcome, recording: Recording, why: Why, detail: str) -> Outcome:
    outcome.set_aside.append(SetAside(recording.source, why, outcome.seconds_in, detail))
    return outcome


def _takes(
    recording: Recording, finder: FaceFinder, settings: FindSettings, outcome: Outcome, tick: Tick
) -> Iterator[_Take]:
    """Follow the face through the frames; yield every clip that ends, note what shows no single face."""
    take: _Take | None = None
    looked, before, last = -np.inf, recording.start, None
    why: Why | None = Why.NO_PICTURE
    for second, picture in media.pictures(recording.path, recording.start, recording.stop):
        tick((second - recording.start) / outcome.seconds_in)
        points = None if last is None else finder.follow(picture, last)
        wait = settings.look_every_s if points is not None else settings.retry_s
        if second - looked >= wait:
            sight, looked = finder.look(picture), second
            points, why = sight.landmarks, _objection(sight.landmarks, sight.faces, settings)
        if points is None or why is not None:
            points, why = None, why or Why.NO_FACE
            outcome.set_aside.append(SetAside(recording.source, why, second - before))
        if take is not None and _ends(take, points, last, second, settings):
            yield take
            take = None
        if points is not None:
            take = take or _begin(points, settings)
            take.add(second, picture, points)
        before, last = second, points
    if why is Why.NO_PICTURE:
        outcome.set_aside.append(SetAside(recording.source, why, outcome.seconds_in))
    if take is not None:
        yield take


def _objection(points: Landmarks | None, faces: int, settings: FindSettings) -> Why | None:
    if points is None:
        return Why.NO_FACE
    if faces > 1:
        return Why.SEVERAL_FACES
    return Why.SMALL_FACE if float(eyes_apart(points)) < settings.least_eyes_px else None


def _ends(
    take: _Take, points: Landmarks | None, last: Landmarks | None, second: float, settings: FindSettings
) -> bool:
    if points is None or last is None or second - take.seconds[0] >= settings.clip_s or not take.holds(points):
        return True
    moved = float(np.linalg.norm((points - last)[:, :2].mean(axis=0)))
    return moved > settings.jump * float(eyes_apart(last))


def _begin(points: Landmarks, settings: FindSettings) -> _Take:
    square = square_around(points[:, :2], 0.0, settings.around)
    return _Take(square, min(settings.side, round(square.side)))


def _keep(take: _Take, recording: Recording, target: Path, settings: FindSettings, outcome: Outcome) -> None:
    """Write a take with its sound, unless it is too short."""
    begin = take.seconds[0]
    stop = min(take.seconds[-1] + 1 / 25, recording.stop)
    if stop - begin < settings.shortest_s:
        outcome.set_aside.append(SetAside(recording.source, Why.TOO_SHORT, stop - begin))
        return
    frames = len(take.seconds)
    clip = Clip(
        id=f"{word(recording.source)}-{round(begin * 100):06d}", speaker=recording.speaker, source=recording.source,
        start=begin, size=take.size, pts=np.array(take.seconds) - begin, landmarks=np.stack(take.landmarks),
        ok=np.ones(frames, dtype=bool), audio=to_int16(media.sound(recording.path, begin, stop)),
    )  # fmt: skip
    write_clip(target / clip.id, clip)
    write_pictures(target / clip.id, take.jpegs)
    outcome.kept.append(clip.id)
    outcome.seconds_out += clip.seconds


def word(source: str) -> str:
    """Turn a path into a word: every other sign becomes ``-``."""
    return "".join(sign if sign.isalnum() or sign in "._" else "-" for sign in source)


def recordings(folder: Path, part_s: float, max_minutes: float) -> list[Recording]:
    """Return every minute of every video below ``folder``; FOLDER/NAME/video is of speaker NAME.

    Raises DataMissing when there is no video at all.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in media.ENDINGS and p.is_file())
    if not paths:
        raise DataMissing(
            f"{folder} holds no video ({', '.join(sorted(media.ENDINGS))}); --videos wants a folder of some"
        )
    return [part for path in paths for part in _parts(path, folder, part_s, max_minutes)]


def _parts(path: Path, folder: Path, part_s: float, max_minutes: float) -> list[Recording]:
    inside = path.relative_to(folder)
    speaker = inside.parts[0] if len(inside.parts) > 1 else path.stem
    whole = Recording(path, inside.as_posix(), speaker, 0.0, 0.0)
    try:
        seen = media.probe(path)
    except DataMissing as error:
        return [replace(whole, trouble=Why.UNREADABLE, detail=str(error))]
    whole = replace(whole, stop=seen.seconds)
    trouble = Why.NO_PICTURE if not seen.picture else None if seen.sound else Why.NO_SOUND
    if seen.seconds > max_minutes * 60:
        trouble = Why.TOO_LONG
    if trouble is not None:
        return [replace(whole, trouble=trouble, detail=f"{seen.seconds / 60:.1f} minutes")]
    starts = np.arange(0.0, max(seen.seconds, 1e-3), part_s)
    return [replace(whole, start=float(s), stop=float(min(s + part_s, seen.seconds))) for s in starts]
