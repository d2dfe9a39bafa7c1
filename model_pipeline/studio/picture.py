"""Takes the photograph: pose, camera, light and background; every visible point is shaded once.

Shading: diffuse light wrapped around the edge of light and shadow, red furthest (skin scatters), a Blinn-Phong
highlight, one shadow map of the key light, and hollows darkened by what lies before their surroundings in depth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from model_pipeline.studio import colours, glasses, regions
from model_pipeline.studio.asset import split
from model_pipeline.studio.colours import Surface
from model_pipeline.studio.head import Head
from model_pipeline.studio.noise import layered
from model_pipeline.studio.raster import NOTHING, rasterise, weights_at
from model_pipeline.studio.surface import normals

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
PIVOT_MM = np.array([0.0, 60.0, 85.0])
"""The head turns around this point, in the neck."""
SHADOW_SIDE, SHADOW_MM, SHADOW_BIAS_MM = 360, 300.0, 4.0
WRAP = np.array([0.42, 0.26, 0.20], dtype=np.float32)
"""How far light reaches around the edge of shadow: red, green, blue."""
HOLLOWS = ((2.2, 0.20), (7.0, 0.050))
"""Radius in mm of the surroundings, and darkness for each mm that a point lies deeper."""
MOUTH_DEPTH_MM = 30.0
SUPERSAMPLE = 2


@dataclass(frozen=True)
class Shot:
    """How a picture is taken."""

    yaw: float = 0.0
    """Degrees; positive turns the face to the picture's left, as ``canonical.yaw_degrees`` counts."""
    pitch: float = 0.0
    """Degrees; positive looks down."""
    roll: float = 0.0
    size: int = 512
    """Pixels of a side."""
    eyes_px: float = 110.0
    """Between the eyes of a head that faces the camera."""
    distance_mm: float = 1100.0
    """Of the camera from the eyes."""
    key: tuple[float, float, float] = (-0.5, -0.6, -1.0)
    """Direction towards the key light; x right, y down, z away."""
    key_colour: tuple[float, float, float] = (1.0, 0.96, 0.90)
    key_strength: float = 0.85
    fill_strength: float = 0.45
    backdrop: tuple[float, float, float] = (0.42, 0.45, 0.48)
    middle: tuple[float, float] | None = None
    """Pixels from the picture's corner to the middle between the eyes; None: in the picture's upper half."""


def draw_shot(seed: int, *, yaw: float | None = None, size: int = 512) -> Shot:
    """Draw camera, light and background; ``yaw`` in degrees may be named."""
    dice = np.random.default_rng([seed, 77])
    drawn = float(dice.uniform(-45, 45))
    warm = dice.uniform(-1, 1)
    return Shot(
        yaw=drawn if yaw is None else yaw, pitch=float(dice.normal(0, 5)), roll=float(dice.normal(0, 4)), size=size,
        eyes_px=size * float(dice.uniform(0.19, 0.23)), distance_mm=float(dice.uniform(800, 1600)),
        key=(float(dice.uniform(-0.9, 0.9)), float(dice.uniform(-0.9, -0.2)), -1.0),
        key_colour=(1.0, 0.97 - 0.04 * abs(warm), 0.93 - 0.09 * warm), key_strength=float(dice.uniform(0.6, 1.0)),
        fill_strength=float(dice.uniform(0.35, 0.6)),
        backdrop=tuple((dice.uniform(0.15, 0.8) + dice.uniform(-0.08, 0.08, 3)).clip(0.05, 0.95).tolist()),
    )  # fmt: skip


@dataclass(frozen=True)
class Camera:
    """Perspective projection of a posed head."""

    rotation: NDArray[np.float64]
    shot: Shot

    def posed(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points [...,3] of the head (mm) in the camera's directions, still relative to the eyes."""
        turned: NDArray[np.float64] = (points - PIVOT_MM) @ self.rotation.T + PIVOT_MM
        return turned

    def project(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return [...,3]: x and y in pixels and the depth in mm of points of the head."""
        posed = self.posed(points)
        shot = self.shot
        scale = self.px_per_mm(posed[..., 2:])
        centre = np.array(shot.middle or (shot.size * 0.5, shot.size * 0.42))
        middle = np.array([0.35 * self.posed(np.zeros(3))[0], 0.0])
        return np.concatenate([(posed[..., :2] - middle) * scale + centre, posed[..., 2:]], axis=-1)

    def px_per_mm(self, depth: NDArray[np.floating] | float) -> NDArray[np.float64]:
        """Return the scale of the picture at a depth in mm behind the eyes."""
        scale: NDArray[np.float64] = (
            self.shot.eyes_px / 63.0 * self.shot.distance_mm / (self.shot.distance_mm + np.asarray(depth))
        )
        return scale


def camera(shot: Shot) -> Camera:
    """Return the camera of a shot."""
    yaw, pitch, roll = np.radians([shot.yaw, shot.pitch, shot.roll])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return Camera(about_z @ about_x @ about_y, shot)


class Studio:
    """Photographs one head; what does not depend on expression and pose is worked out once."""

    def __init__(self, head: Head) -> None:
        self.head = head
        asset, person = head.asset, head.person
        self._place = head.fine(asset.points)
        ears = np.zeros(len(self._place), dtype=np.float32)
        corner_uv = asset.uv.reshape(-1, 2)
        ears[asset.quads.ravel()] = colours.mask_at(asset, "ears", corner_uv)
        lips = np.zeros_like(ears)
        lips[asset.quads.ravel()] = colours.mask_at(asset, "lips", corner_uv)
        body = np.zeros(len(ears), dtype=bool)
        body[asset.quads[asset.part == colours.BODY].ravel()] = True
        self._grown = body * (
            person.hair_mm * regions.scalp(self._place, 10.0) * (1 - regions.step(ears, 0.1, 0.5))
            + 0.7 * person.beard_mm * regions.beard(self._place) * (1 - regions.step(lips, 0.02, 0.3))
        ).astype(np.float32)
        self._triangles = asset.triangles
        self._uv, self._part = split(asset.uv), np.repeat(asset.part, 2)
        self._extra = self._glasses() if person.glasses else None

    def _glasses(self) -> tuple[Floats, NDArray[np.int64]]:
        rest = self.head.fine(self.head.rest)
        near = (np.abs(np.abs(self._place[:, 0]) - 31) < 14) & (np.abs(self._place[:, 1]) < 10)
        temple = (
            (np.abs(self._place[:, 2] - 60) < 12) & (np.abs(self._place[:, 1]) < 8) & (np.abs(self._place[:, 0]) < 90)
        )
        wide = float(np.abs(rest[temple, 0]).max()) if temple.any() else glasses.EAR_MM[0]
        return glasses.build(
            31.5, float(rest[near, 2].min()), min(wide, 84.0), rounded=self.head.person.round_glasses
        )

    def shoot(self, shot: Shot, actions: Mapping[str, float] | None = None) -> Pixels:
        """Return the picture [size,size,3] RGB of the head under facial actions."""
        return self.shoot_coarse(shot, self.head.coarse(actions or {}))

    def shoot_coarse(self, shot: Shot, coarse: Floats) -> Pixels:
        """Return the picture of coarse vertices [V,3]."""
        view, side = camera(shot), shot.size * SUPERSAMPLE
        points, triangles, across = self._geometry(coarse)
        placed = view.project(points).astype(np.float32)
        placed[:, :2] *= SUPERSAMPLE
        corners = placed[triangles]
        seen = rasterise(corners, side, side)
        rows, columns = np.nonzero(seen.triangle != NOTHING)
        which = seen.triangle[rows, columns]
        share = weights_at(corners, which, columns + np.float32(0.5), rows + np.float32(0.5))
        surface = self._surface(which, share)
        posed = view.posed(points).astype(np.float32)
        turned = (across @ view.rotation.T).astype(np.float32)
        normal = np.einsum("pk,pkc->pc", share, turned[triangles[which]])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        position = np.einsum("pk,pkc->pc", share, posed[triangles[which]])
        inner, reach = self._mouth_light(surface, coarse, position, view)
        shadow = _shadow(shot, posed, triangles, position)
        lit = self._light(shot, surface, normal, position, np.maximum(shadow, 0.55 * inner))
        hollow = _hollow(seen.depth, shot.eyes_px * SUPERSAMPLE / 63.0)[rows, columns]
        open_side = np.clip(-normal[:, 2] * 1.6, 0, 1) * (1 - 0.8 * inner)
        lit *= (1 - (1 - hollow) * open_side)[:, None] * reach[:, None]
        picture = _backdrop(shot, self.head.person.seed)
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_LINEAR)
        picture[rows, columns] = lit
        small = cv2.resize(_film(picture), (shot.size, shot.size), interpolation=cv2.INTER_AREA)
        return np.asarray(np.clip(small * 255 + 0.5, 0, 255), dtype=np.uint8)

    def _geometry(self, coarse: Floats) -> tuple[Floats, NDArray[np.int64], Floats]:
        fine = self.head.fine(coarse)
        across = normals(fine, self._triangles)
        grown = fine + across * self._grown[:, None]
        across = normals(grown, self._triangles)
        if self._extra is None:
            return grown, self._triangles, across
        points, faces = self._extra
        triangles = np.concatenate([self._triangles, faces + len(grown)])
        return np.concatenate([grown, points]), triangles, np.concatenate([across, normals(points, faces)])

    def _surface(self, which: NDArray[np.int32], share: Floats) -> Surface:
        own = np.minimum(which, len(self._triangles) - 1)
        part = np.where(which < len(self._triangles), self._part[own], colours.GLASSES)
        place = np.einsum("pk,pkc->pc", share, self._place[self._triangles[own]])
        return Surface(part, place, np.einsum("pk,pkc->pc", share, self._uv[own]))

    def _light(self, shot: Shot, surface: Surface, normal: Floats, position: Floats, shadow: Floats) -> Floats:
        """Return linear RGB [P,3]."""
        paint = colours.paint(self.head.person, self.head.asset, surface)
        key = np.array(shot.key, dtype=np.float32)
        key /= np.linalg.norm(key)
        facing = normal @ key
        wrapped = np.clip((facing[:, None] + WRAP) / (1 + WRAP), 0, 1)
        wrapped *= shadow[:, None] + (1 - shadow[:, None]) * np.array([0.14, 0.06, 0.04], dtype=np.float32)
        sky = 0.62 - 0.38 * normal[:, 1]
        ambient = shot.fill_strength * sky[:, None] * np.array([0.94, 0.98, 1.04], dtype=np.float32)
        camera_side = np.clip(-normal[:, 2], 0, 1)[:, None] * 0.12
        light = ambient + camera_side + shot.key_strength * wrapped * np.array(shot.key_colour, dtype=np.float32)
        towards = -position - np.array([0, 0, shot.distance_mm], dtype=np.float32)
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        half = key + towards
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        gloss = np.clip((normal * half).sum(axis=1), 0, 1) ** paint.narrow * paint.shine * shadow * shot.key_strength
        return np.asarray(paint.colour * light + 0.5 * gloss[:, None], dtype=np.float32)

    def _mouth_light(self, surface: Surface, coarse: Floats, position: Floats, view: Camera) -> tuple[Floats, Floats]:
        """Return what lies inside the mouth (0..1) and how much light reaches each point: [P] each.

        Less light falls on teeth, tongue and throat the deeper they lie, and the less the lips are apart.
        """
        lips = np.asarray(self.head.asset.fine @ coarse)[self._lip_rows]
        gap = float(np.abs(lips[0, 1] - lips[1, 1]))
        wide = 0.45 + 0.55 * min(gap / 12.0, 1.0)
        inside = colours.mask_at(self.head.asset, "inside", surface.uv) * (surface.part == colours.BODY)
        inner = np.maximum(inside, np.isin(surface.part, (colours.UPPER_TEETH, colours.LOWER_TEETH, colours.TONGUE)))
        front = view.posed(lips[0].astype(np.float64))
        normal = view.rotation @ np.array([0.0, 0.0, 1.0])
        depth = (position - front) @ normal
        share = wide * np.clip(1.15 - depth / MOUTH_DEPTH_MM, 0.03, 1.0)
        return inner.astype(np.float32), np.asarray(1 - inner * (1 - share), dtype=np.float32)

    @cached_property
    def _lip_rows(self) -> list[int]:
        place = {int(vertex): index for index, vertex in enumerate(self.head.asset.source)}
        return [place[474], place[493]]


def _shadow(shot: Shot, posed: Floats, triangles: NDArray[np.int64], position: Floats) -> Floats:
    """Return 0 (in shadow) to 1 for positions [P,3] under the key light."""
    key = -np.array(shot.key, dtype=np.float32)
    key /= np.linalg.norm(key)
    right = np.cross([0, 1, 0], key)
    right /= np.linalg.norm(right)
    frame = np.stack([right, np.cross(key, right), key]).astype(np.float32)
    scale = SHADOW_SIDE / SHADOW_MM
    centre = frame @ np.array([0, 30, 60], dtype=np.float32)

    def placed(points: Floats) -> Floats:
        seen = points @ frame.T - centre
        return np.concatenate([seen[:, :2] * scale + SHADOW_SIDE / 2, seen[:, 2:]], axis=1)

    depth = rasterise(placed(posed)[triangles], SHADOW_SIDE, SHADOW_SIDE).depth
    here = placed(position)
    lit = np.zeros(len(here), dtype=np.float32)
    for dx, dy in ((-1.2, -0.5), (0.5, -1.2), (1.2, 0.5), (-0.5, 1.2), (0.0, 0.0)):
        column = np.clip((here[:, 0] + dx).astype(np.int64), 0, SHADOW_SIDE - 1)
        row = np.clip((here[:, 1] + dy).astype(np.int64), 0, SHADOW_SIDE - 1)
        lit += np.clip((depth[row, column] + SHADOW_BIAS_MM - here[:, 2]) / 2.0, 0, 1)
    return lit / 5


def _hollow(depth: Floats, px_per_mm: float) -> Floats:
    """Return how much light reaches each pixel of a depth picture: less where the surroundings lie before it."""
    found = np.isfinite(depth)
    filled = np.where(found, depth, 0).astype(np.float32)
    light = np.ones(depth.shape, dtype=np.float32)
    weight = found.astype(np.float32)
    for radius, strength in HOLLOWS:
        shrink = max(1, int(radius * px_per_mm / 4))
        size = (max(1, depth.shape[1] // shrink), max(1, depth.shape[0] // shrink))
        values, counts = (cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (filled, weight))
        sigma = radius * px_per_mm / shrink
        values, counts = (cv2.GaussianBlur(a, (0, 0), sigma) for a in (values, counts))
        around = cv2.resize(values / np.maximum(counts, 1e-3), depth.shape[::-1], interpolation=cv2.INTER_LINEAR)
        light *= np.clip(1 - strength * np.clip(filled - around, -1.0, 12.0), 0.15, 1.1)
    return light


def _backdrop(shot: Shot, seed: int) -> Floats:
    """Return a soft background [size,size,3], linear."""
    rows, columns = np.mgrid[0 : shot.size, 0 : shot.size].astype(np.float32) / shot.size
    cloud = 0.06 * layered(columns * 3 + seed, rows * 3, 3)
    round_light = 1.15 - 0.7 * (np.square(columns - 0.45) + np.square(rows - 0.4))
    base = colours.linear(shot.backdrop)
    return np.asarray(base * (round_light + cloud)[..., None], dtype=np.float32)


def _film(picture: Floats) -> Floats:
    """Return sRGB 0..1 of linear light, bright parts rolled off."""
    light = np.clip(picture, 0, None)
    rolled = np.where(light < 0.7, light, 0.7 + 0.3 * (1 - np.exp(-(light - 0.7) / 0.3)))
    return np.asarray(np.power(rolled, 1 / 2.2), dtype=np.float32)
