"""What colour each visible point of a head has, before any light falls on it. Colours are linear RGB, 0..1."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from model_pipeline.studio import regions
from model_pipeline.studio.asset import PARTS, HeadAsset
from model_pipeline.studio.identity import Person
from model_pipeline.studio.noise import layered, noise
from model_pipeline.studio.regions import step

Floats = NDArray[np.float32]
BODY, RIGHT_EYE, LEFT_EYE = 0, PARTS.index("helper-r-eye"), PARTS.index("helper-l-eye")
UPPER_TEETH, LOWER_TEETH = PARTS.index("helper-upper-teeth"), PARTS.index("helper-lower-teeth")
TONGUE = PARTS.index("helper-tongue")
GLASSES = len(PARTS)
IRIS_MM, PUPIL_MM = 5.9, 2.0
GUM, TONGUE_TONE, THROAT = (0.66, 0.33, 0.32), (0.70, 0.36, 0.35), (0.34, 0.13, 0.12)
SCLERA = (0.90, 0.88, 0.86)
TOOTH_EDGES_MM = (0.0, 8.4, 15.0, 22.4, 29.0, 35.5, 45.0)
"""Upper teeth from the midline, along the arch."""
LOWER_TOOTH_SCALE = 0.72
ARCH_MM = 24.0
"""Radius of the dental arch."""
NECKLINE_Y = 152.0


@dataclass(frozen=True)
class Surface:
    """P visible points."""

    part: NDArray[np.int64]
    """[P] number of PARTS, or GLASSES."""
    place: Floats
    """[P,3] mm on the neutral head before it was anybody's."""
    uv: Floats
    """[P,2]"""


@dataclass(frozen=True)
class Paint:
    """Colour [P,3], strength of the highlight [P] and its narrowness [P], how far hair covers the point [P]."""

    colour: Floats
    shine: Floats
    narrow: Floats
    hair: Floats


def paint(person: Person, asset: HeadAsset, seen: Surface) -> Paint:
    """Return the paint of every visible point."""
    count = len(seen.part)
    found = Paint(
        np.zeros((count, 3), np.float32), np.full(count, 0.25, np.float32), np.full(count, 18.0, np.float32),
        np.zeros(count, np.float32),
    )  # fmt: skip
    for which, painter in (
        ((BODY,), _body), ((RIGHT_EYE, LEFT_EYE), _eyes), ((UPPER_TEETH,), _teeth), ((LOWER_TEETH,), _teeth),
        ((TONGUE,), _tongue), ((GLASSES,), _glasses),
    ):  # fmt: skip
        chosen = np.flatnonzero(np.isin(seen.part, which))
        if len(chosen):
            part = Surface(seen.part[chosen], seen.place[chosen], seen.uv[chosen])
            own = painter(person, asset, part)
            for name, values in vars(own).items():
                getattr(found, name)[chosen] = values
    return found


def linear(colour: tuple[float, float, float] | Floats) -> Floats:
    """Return linear RGB of sRGB (the simple power law)."""
    return np.power(np.clip(np.asarray(colour, dtype=np.float32), 0, 1), 2.2)


def mask_at(asset: HeadAsset, name: str, uv: Floats) -> Floats:
    """Return a mask of the asset, 0..1, at texture coordinates [P,2]."""
    mask = asset.masks[name]
    side = mask.shape[0]
    place = np.stack([uv[:, 0] * side - 0.5, (1 - uv[:, 1]) * side - 0.5], axis=1).astype(np.float32)
    columns = 4096
    rows = -(-len(place) // columns)
    padded = np.pad(place, ((0, rows * columns - len(place)), (0, 0))).reshape(rows, columns, 2)
    values = cv2.remap(mask, padded[..., 0], padded[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values.ravel()[: len(place)] / 255.0, dtype=np.float32)


def _mix(base: Floats, over: Floats, cover: Floats) -> Floats:
    return np.asarray(base + (over - base) * cover[:, None], dtype=np.float32)


def _body(person: Person, asset: HeadAsset, seen: Surface) -> Paint:
    x, y, z = seen.place.T
    colour = _skin(person, seen)
    lips = mask_at(asset, "lips", seen.uv)
    lip_noise = noise(x * 1.3 + person.seed, y * 0.35 + z * 0.2)
    colour = _mix(colour, linear(person.lip) * (1 + 0.10 * lip_noise[:, None]), step(lips, 0.15, 0.95) * 0.8)
    shine = 0.20 + 0.25 * lips + 0.10 * step(np.abs(x), 22.0, 8.0) * (y < 50)
    brow, along = regions.brows(seen.place)
    strands = noise(along * 0.9 + y * 1.4 + person.seed, y * 0.5 - along * 0.2, sharp=True)
    colour = _mix(colour, linear(person.hair) * 0.9, np.clip(brow * (0.72 + 0.35 * strands), 0, 0.92))
    colour, hair = _hair(person, asset, seen, colour, lips)
    inside = step(mask_at(asset, "inside", seen.uv), 0.3, 0.7)
    colour = _mix(colour, linear(THROAT), inside)
    cloth = step(
        y + 7 * (np.abs(x) < 45) * np.cos(x / 29) * -1 + 1.5 * noise(x / 9, z / 9), NECKLINE_Y - 1, NECKLINE_Y + 1
    )
    weave = 1 + 0.08 * noise(x * 1.2, y * 1.2, sharp=True)[:, None]
    colour = _mix(colour, linear(person.clothes) * weave, cloth)
    shine = shine * (1 - cloth) * (1 - inside) * (1 - 0.6 * hair)
    return Paint(colour, shine.astype(np.float32), (18 + 30 * lips).astype(np.float32), hair.astype(np.float32))


def _skin(person: Person, seen: Surface) -> Floats:
    """Skin with blotches, pores, ruddy cheeks and nose, dark rings and freckles."""
    x, y, z = seen.place.T
    s = float(person.seed)
    along = np.where(np.abs(x) > 45, z + 40, x).astype(np.float32)
    blotch = layered(along / 16 + s, y / 16 + z / 60 + s, 3)
    pores = noise(along * 1.7 + s, y * 1.7, sharp=True)
    light = 1 + 0.035 * blotch + 0.030 * pores
    colour = linear(person.skin) * light[:, None]
    ruddy = np.exp(-(np.square((np.abs(x) - 36) / 17) + np.square((y - 34) / 16)))
    ruddy = ruddy + 0.8 * np.exp(-(np.square(x / 14) + np.square((y - 38) / 11))) + 0.12 * blotch
    colour = colour * (1 + np.clip(ruddy, 0, 1.2)[:, None] * np.array([0.02, -0.14, -0.12], dtype=np.float32))
    ring = np.exp(-(np.square((np.abs(x) - 31) / 14) + np.square((y - 12) / 7)))
    colour = colour * (1 - 0.16 * ring[:, None])
    socket = np.exp(-(np.square((np.abs(x) - 32) / 17) + np.square((y + 4) / 8)))
    colour = colour * (1 - 0.10 * socket[:, None])
    spots = step(noise(along / 1.6 + 3 * s, y / 1.6 + z / 5, sharp=True), 1.1, 1.9)
    colour = colour * (1 - (0.35 * person.freckles * spots * np.exp(-np.square((y - 25) / 38)))[:, None])
    return np.asarray(colour, dtype=np.float32)


def _hair(person: Person, asset: HeadAsset, seen: Surface, colour: Floats, lips: Floats) -> tuple[Floats, Floats]:
    """Lay the hair of the head and the beard over the skin."""
    x, y, z = seen.place.T
    round_head = np.arctan2(x, 70.0 - z) * 75.0
    strand = noise(round_head * 1.1 + 0.25 * y + person.seed, y * 0.10 + person.seed, sharp=True)
    wisp = layered(round_head / 7, y / 22 + z / 40, 2)
    shade = linear(person.hair) * np.clip(1 + 0.34 * strand + 0.22 * wisp, 0.3, 2.2)[:, None]
    ears = mask_at(asset, "ears", seen.uv)
    edge = seen.place + (1.6 * noise(round_head * 0.9, y * 0.3) + 2.0 * noise(round_head / 9, y / 9))[
        :, None
    ] * np.array([0, 1, 0], dtype=np.float32)
    head = regions.scalp(edge, 4.5) * (1 - step(ears, 0.3, 0.7)) * (0.12 if person.hair_mm == 0 else 1.0)
    if person.beard_mm == 0:
        return _mix(colour, shade, head), head
    grain = noise(np.arctan2(np.abs(x), 40.0 - z) * 70.0 * np.sign(x) + 0.4 * y, y * 0.45, sharp=True)
    density = min(1.0, 0.38 + person.beard_mm / 6)
    grown = np.clip(regions.beard(seen.place) * (density + 0.25 * grain), 0, 0.96) * (1 - step(lips, 0.25, 0.6))
    bristle = linear(person.hair) * np.clip(1 + 0.4 * grain, 0.3, 2.0)[:, None]
    return _mix(_mix(colour, bristle, grown), shade, head), np.maximum(head, grown)


def _eyes(person: Person, _: HeadAsset, seen: Surface) -> Paint:
    """Iris and pupil where the eyeball looks ahead; ``place`` is relative to the middle between the eyes."""
    side = np.where(seen.place[:, 0] > 0, 1.0, -1.0)
    x, y = np.abs(seen.place[:, 0]) - 30.75, seen.place[:, 1]
    away = np.hypot(x, y + 0.5)
    spokes = noise(np.arctan2(y, x) * 9, away * 0.8, sharp=True)
    iris = linear(person.iris) * np.clip(1 + 0.30 * spokes + 0.5 * (away - 3.5) / 6 * -1, 0.3, 2)[:, None]
    colour = np.tile(linear(SCLERA), (len(x), 1)) * (1 - 0.10 * step(np.abs(x) * side * side, 6.0, 13.0))[:, None]
    colour = _mix(colour, iris * 0.55, step(away, IRIS_MM + 0.5, IRIS_MM - 0.4))
    colour = _mix(colour, iris, step(away, IRIS_MM - 0.2, IRIS_MM - 1.4))
    colour = _mix(colour, np.zeros_like(colour) + 0.004, step(away, PUPIL_MM + 0.4, PUPIL_MM - 0.3))
    lid = 1 - 0.55 * step(y, -1.0, -6.0)
    count = len(x)
    shine, narrow = np.full(count, 1.6, np.float32), np.full(count, 160.0, np.float32)
    return Paint(colour * lid[:, None], shine, narrow, np.zeros(count, np.float32))


def _teeth(person: Person, _: HeadAsset, seen: Surface) -> Paint:
    x, y, z = seen.place.T
    upper = seen.part == UPPER_TEETH
    front = -80.0 + 24.0
    along = np.abs(np.arctan2(x, np.maximum(z * -1 + front + 82.0, 0.1)) * ARCH_MM) / np.where(
        upper, 1.0, LOWER_TOOTH_SCALE
    )
    edges = np.array(TOOTH_EDGES_MM)
    number = np.clip(np.searchsorted(edges, along) - 1, 0, len(edges) - 2)
    inside = (along - edges[number]) / (edges[number + 1] - edges[number])
    gap = 1 - np.square(np.square(2 * inside - 1)) * np.abs(2 * inside - 1)
    tone = linear(person.teeth) * (1 - 0.05 * (number % 2) - 0.06 * np.maximum(number - 1, 0))[:, None]
    colour = tone * (0.35 + 0.65 * np.clip(gap * 2.2, 0, 1))[:, None]
    scallop = 1.8 * np.square(2 * inside - 1)
    gum = np.where(upper, step(y - (58.5 + scallop), 0.6, -0.6), step(y - (76.0 - scallop), -0.6, 0.6))
    colour = _mix(colour, linear(GUM), gum)
    count = len(x)
    return Paint(
        colour, np.full(count, 0.55, np.float32), np.full(count, 60.0, np.float32), np.zeros(count, np.float32)
    )


def _tongue(person: Person, _: HeadAsset, seen: Surface) -> Paint:
    x, _y, z = seen.place.T
    bumps = noise(x * 1.4 + person.seed, z * 1.4, sharp=True)
    colour = linear(TONGUE_TONE) * (1 + 0.10 * bumps - 0.25 * np.exp(-np.square(x / 1.5)))[:, None]
    count = len(x)
    return Paint(
        colour, np.full(count, 0.45, np.float32), np.full(count, 35.0, np.float32), np.zeros(count, np.float32)
    )


def _glasses(person: Person, _: HeadAsset, seen: Surface) -> Paint:
    count = len(seen.part)
    colour = np.tile(linear(person.glasses or (0, 0, 0)), (count, 1)).astype(np.float32)
    return Paint(
        colour, np.full(count, 1.0, np.float32), np.full(count, 50.0, np.float32), np.zeros(count, np.float32)
    )
