"""What the engine draws between the lips of a rendered head, beside what is there: one file for each head.

The photo of a closed mouth is moved by the map that carries its lips where the open mouth's are, exactly as on a
frame; the truth is the same head, photographed with its mouth open under the same light.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.compose import to_yuv
from device_agent.engine.loaded import Engine
from device_agent.engine.package import Constants
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.warp.face import FaceWarp
from device_agent.engine.warp.grid import Box
from device_agent.engine.warp.repair import Measure
from model_pipeline.studio.alignment import Alignment, align_photo
from model_pipeline.studio.head import make_head
from model_pipeline.studio.identity import draw_person
from model_pipeline.studio.pairs import TONGUE_SHARE, inside_lips
from model_pipeline.studio.picture import Camera, Studio, camera, draw_shot
from model_pipeline.studio.rig import actions, make_rig

OPENINGS_MM, OFTEN_NARROW = (2.0, 18.0), 1.5
"""Openings lie between these; the exponent makes narrow ones more frequent, as they are in speech."""
WIDTHS_MM = (-6.0, 4.0)
TONGUE_RAISED = (0.2, 0.5)
MARGIN_PX = 16
"""The truth is photographed this much wider than the window: light near its edge comes from beyond."""
STIFFNESS = 1e-3
"""Keeps the map smooth where lip points do not say how it is."""
SIZE_PX, MOUTHS = 384, 4
"""Side of a photo, and open mouths of each head."""


@dataclass(frozen=True)
class Examples:
    """K open mouths of one head, cut to the window of ``Measure``; h, w in pixels of the photo."""

    seed: int
    yaw_degrees: float
    drawn: Pixels
    """[K,h,w,3] YUV as the engine draws it."""
    hollow: NDArray[np.float16]
    """[K,h,w]: cover of what was painted between the lips."""
    truth: Pixels
    """[K,h,w,3] YUV."""
    inside: NDArray[np.bool_]
    """[K,h,w]: where the truth shows the inside of the mouth too."""
    zero: Floats
    unit: Floats
    reach: Floats
    """As in ``Measure``."""
    openings_mm: Floats
    """[K]."""
    missed_mm: Floats
    """[K]: mean distance of the moved lip points from the head's, in the picture's plane."""

    def save(self, path: Path) -> None:
        """Write them; the file appears whole or not at all."""
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **vars(self))
        part.replace(path)


def load(path: Path) -> Examples:
    """Read what ``save`` wrote."""
    with np.load(path) as packed:
        values = {name: packed[name] for name in packed.files}
    return Examples(**values | {"seed": int(values["seed"]), "yaw_degrees": float(values["yaw_degrees"])})


def gather(
    open_engine: Callable[[], Engine],
    maps: Floats,
    folder: Path,
    seeds: range,
    *,
    size: int,
    done: Callable[[], None],
) -> list[Examples]:
    """Return the examples of every head of ``seeds`` that the engine can read, drawing what is not in ``folder``.

    The engine is opened when the first head must be drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    engine, found = None, []
    for seed in seeds:
        path = folder / f"{seed}-{size}.npz"
        refused = path.with_suffix(".refused")
        if not path.is_file() and not refused.is_file():
            engine = engine or open_engine()
            drawn = draw(engine, maps, seed, size=size)
            if drawn is None:
                refused.touch()
            else:
                drawn.save(path)
        if path.is_file():
            found.append(load(path))
        done()
    return found


def draw(engine: Engine, maps: Floats, seed: int, *, size: int = SIZE_PX, mouths: int = MOUTHS) -> Examples | None:
    """Photograph the head of a seed and let the engine open its mouth; None where it finds no face.

    ``maps`` [16,4,64,64] are the motions that the map is made of.
    """
    dice, head = np.random.default_rng([seed, 9]), make_head(draw_person(seed))
    studio, shot = Studio(head), draw_shot(seed, size=size)
    view = camera(shot)
    seen = align_photo(engine.reader, studio.shoot(shot), head, view, engine.constants)
    if seen.portrait is None:
        return None
    own, rig = Measure(seen.portrait), make_rig(head)
    mouth = _Mouth(engine.constants, seen, seen.portrait, own.window)
    rest = view.project(head.lips_at_rest)[:, :2]
    rows = []
    for _ in range(mouths):
        opening = OPENINGS_MM[0] + np.ptp(OPENINGS_MM) * dice.random() ** OFTEN_NARROW
        shares = rig.speak(np.array([[opening, dice.uniform(*WIDTHS_MM)]]))[0]
        if dice.random() < TONGUE_SHARE:
            shares[head.asset.unit_names.index("tongueOut")] = dice.uniform(*TONGUE_RAISED)
        lips = view.project(head.lips(shares[None])[0])[:, :2]
        motion, missed = mouth.follow(maps, lips - rest)
        picture, hollow = mouth.draw(motion)
        truth = _photograph(studio, view, own.window, head.coarse(actions(head, shares)))
        inside = own.cut(inside_lips(lips, size), Box(0, 0, size, size))
        rows.append((picture, hollow, truth, inside, opening, missed / seen.portrait.px_per_mm))
    drawn, hollow, truth, inside, openings, missed = (np.array(column) for column in zip(*rows, strict=True))
    return Examples(
        seed, round(shot.yaw, 1), drawn, hollow.astype(np.float16), truth, inside, own.zero, own.unit, own.reach,
        openings, missed,
    )  # fmt: skip


class _Mouth:
    """One portrait, moved by the engine; what it drew between the lips is kept."""

    def __init__(self, constants: Constants, seen: Alignment, portrait: Portrait, window: Box) -> None:
        self._constants, self._seen = constants, seen
        self._catch = _Catch(portrait, window)
        self._warp = FaceWarp(portrait, constants.points, constants.extent, constants.opening_map, repair=self._catch)

    def follow(self, maps: Floats, moved_px: NDArray[np.float64]) -> tuple[Floats, float]:
        """Return the map that moves the lips by ``moved_px`` [40,2] best, and the mean rest in pixels."""
        still = self._seen.moved(np.zeros_like(maps[0]), self._constants)
        columns = np.stack([(self._seen.moved(one, self._constants) - still).ravel() for one in maps], axis=1)
        aim = (moved_px - still).ravel()
        gram = columns.T @ columns
        gram += STIFFNESS * np.trace(gram) / len(gram) * np.eye(len(gram))
        shares = np.linalg.solve(gram, columns.T @ aim)
        left = (columns @ shares - aim).reshape(-1, 2)
        motion = np.tensordot(shares, maps, axes=1).astype(np.float32)
        return motion, float(np.linalg.norm(left, axis=1).mean())

    def draw(self, motion: Floats) -> tuple[Pixels, Floats]:
        """Return the window as drawn and the cover of the hollow."""
        self._catch.forget()
        self._warp.draw(motion)
        return self._catch.picture, self._catch.hollow


class _Catch:
    """Implements ``Repair``: changes nothing, and keeps what it was shown."""

    def __init__(self, portrait: Portrait, window: Box) -> None:
        self._still = portrait.yuv[window.slices]
        self._measure = Measure(portrait)
        self.forget()

    def forget(self) -> None:
        """Begin with the photo itself."""
        self.picture, self.hollow = self._still.copy(), np.zeros(self._still.shape[:2], dtype=np.float32)

    def mend(self, picture: Pixels, hollow: Floats, box: Box) -> Pixels:
        """Keep, and return unchanged."""
        here = self._measure.cut(np.ones(picture.shape[:2], dtype=bool), box)
        self.picture[here] = self._measure.cut(picture, box)[here]
        self.hollow = self._measure.cut(hollow, box)
        return picture


def _photograph(studio: Studio, view: Camera, window: Box, coarse: Floats) -> Pixels:
    """Return the YUV of the window with the mouth open: a picture of the surroundings of the mouth alone."""
    shot, side = view.shot, math.ceil(max(window.width, window.height)) + 2 * MARGIN_PX
    left, top = window.left - MARGIN_PX, window.top - MARGIN_PX
    middle = (0.5 * shot.size - left, 0.42 * shot.size - top)
    picture = studio.shoot_coarse(replace(shot, size=side, middle=middle), coarse)
    inner = Box(MARGIN_PX, MARGIN_PX, window.width, window.height)
    return to_yuv(np.ascontiguousarray(picture[inner.slices]))
