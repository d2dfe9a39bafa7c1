"""Pairs of photographs for training the face repair: the mouth closed, and the same picture with it open.

Both pictures of a pair have one light, one pose and one camera, and the lips' motion between them is known exactly:
warp ``closed`` by ``moved_px`` as the engine would, and compare what shows between the lips with ``opened``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.studio.head import Head, make_head
from model_pipeline.studio.identity import draw_person
from model_pipeline.studio.picture import Camera, Shot, Studio, camera, draw_shot
from model_pipeline.studio.rig import LOWER, UPPER, Rig, actions, make_rig

Floats = NDArray[np.float64]
OPENINGS_MM, WIDTHS_MM = (2.0, 20.0), (-6.0, 4.0)
TONGUE_SHARE = 0.25
"""Of the pairs, whose tongue is raised as for L and TH."""


@dataclass(frozen=True)
class Pair:
    """One head, photographed twice; H = W = size of the shot."""

    seed: int
    shot: Shot
    closed: NDArray[np.uint8]
    """[H,W,3] RGB: the photo."""
    opened: NDArray[np.uint8]
    """[H,W,3] RGB: the truth."""
    lips_px: Floats
    """[40,2]: lip points (order of ``canonical.LIPS``) of ``closed``, pixels."""
    moved_px: Floats
    """[40,2]: where they lie in ``opened``, less ``lips_px``."""
    lips_mm: Floats
    """[2,40,3]: the same points on the head, closed and opened, in canonical directions."""
    opening_mm: float
    px_per_mm: float
    """At the lips."""
    inside: NDArray[np.bool_]
    """[H,W]: pixels between the inner edges of the open lips."""


def draw_pairs(first: int, count: int, *, size: int = 512) -> Iterator[Pair]:
    """Yield ``count`` pairs; pair number n depends on ``first`` + n alone."""
    for seed in range(first, first + count):
        yield draw_pair(seed, size=size)


def draw_pair(seed: int, *, size: int = 512) -> Pair:
    """Photograph the head of a seed with its mouth closed, then open by chance."""
    dice = np.random.default_rng([seed, 5])
    head = make_head(draw_person(seed))
    rig, shot = make_rig(head), draw_shot(seed, size=size)
    asked = np.array([[dice.uniform(*OPENINGS_MM), dice.uniform(*WIDTHS_MM)]])
    shares = rig.speak(asked)[0]
    if dice.random() < TONGUE_SHARE:
        shares[head.asset.unit_names.index("tongueOut")] = dice.uniform(0.2, 0.5)
    return _pair(seed, shot, head, rig, shares)


def _pair(seed: int, shot: Shot, head: Head, rig: Rig, shares: Floats) -> Pair:
    studio, view = Studio(head), camera(shot)
    lips = np.stack([head.lips_at_rest, rig.head.lips(shares[None])[0]])
    placed = view.project(lips)
    return Pair(
        seed=seed, shot=shot, closed=studio.shoot(shot), opened=studio.shoot(shot, actions(head, shares)),
        lips_px=placed[0, :, :2], moved_px=placed[1, :, :2] - placed[0, :, :2], lips_mm=lips,
        opening_mm=float(np.linalg.norm(lips[1, LOWER] - lips[1, UPPER])), px_per_mm=scale_at_lips(view, lips[0]),
        inside=inside_lips(placed[1, :, :2], shot.size),
    )  # fmt: skip


def scale_at_lips(view: Camera, lips: Floats) -> float:
    """Return pixels for each mm at the depth of lip points [40,3]."""
    return float(view.px_per_mm(view.posed(lips)[:, 2].mean()))


def inside_lips(lips_px: Floats, size: int) -> NDArray[np.bool_]:
    """Return [size,size]: the pixels inside the inner lip points of [40,2]."""
    inner = np.array([canonical.LIPS.index(i) for i in canonical.INNER_LIP])
    mask = np.zeros((size, size), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(lips_px[inner] * 16).astype(np.int32)], 1, shift=4)
    return mask.astype(bool)


def save_pairs(pairs: Sequence[Pair], path: Path) -> None:
    """Write pairs as one compressed archive of arrays; the names are those of ``Pair``."""
    names = ("closed", "opened", "lips_px", "moved_px", "lips_mm", "opening_mm", "px_per_mm", "inside", "seed")
    arrays = {name: np.array([getattr(pair, name) for pair in pairs]) for name in names}
    arrays["yaw_degrees"] = np.array([pair.shot.yaw for pair in pairs])
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, allow_pickle=False, **arrays)
