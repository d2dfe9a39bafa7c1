"""The shape of one person's head, and the positions of its lips under any facial action, exact to the last bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from device_agent.engine import canonical
from model_pipeline.studio.asset import PARTS, HeadAsset, load_asset
from model_pipeline.studio.identity import Person
from model_pipeline.studio.lips import lip_operator

Floats = NDArray[np.float32]
ADULT_EYES_MM = 61.5
"""Between MakeHuman's neutral eyes: facial actions are drawn for this head."""
MOTION_SCALE = canonical.INTEROCULAR_MM / ADULT_EYES_MM


CONTACT_MM = 0.5
"""Between the inner lip points of a closed mouth: what the face tracker reads on lips that touch."""
CLOSING_STEPS, CLOSING_REACH_MM = 6, 5.0


@dataclass(frozen=True)
class Head:
    """One person's head, 63 mm between the centres of the eyes, origin between them, x right, y down, z away."""

    person: Person
    asset: HeadAsset
    rest: Floats
    """[V,3] coarse vertices, mouth closed."""
    size: float
    """mm of this head for each mm of MakeHuman's person: what brought the eyes to 63 mm."""

    def coarse(self, actions: Mapping[str, float]) -> Floats:
        """Return the coarse vertices [V,3] under facial actions (name -> 0..1; see ``asset.unit_names``)."""
        shares = np.array([actions.get(name, 0.0) for name in self.asset.unit_names], dtype=np.float32)
        moved = (self.asset.units.T @ shares).reshape(-1, 3)
        return np.asarray(self.rest + moved * MOTION_SCALE, dtype=np.float32)

    def fine(self, coarse: Floats) -> Floats:
        """Return the fine vertices [S,3] of coarse ones."""
        return np.asarray(self.asset.fine @ coarse, dtype=np.float32)

    @cached_property
    def lips_at_rest(self) -> NDArray[np.float64]:
        """The 40 lip points [40,3] of the neutral face."""
        return np.asarray(lip_operator(self.asset) @ self.rest, dtype=np.float64)

    @cached_property
    def lip_actions(self) -> NDArray[np.float64]:
        """How each facial action moves the 40 lip points: [52,40,3] mm."""
        operator = lip_operator(self.asset)
        moves = [operator @ row.toarray().reshape(-1, 3) for row in self.asset.units]
        return np.array(moves) * MOTION_SCALE

    def lips(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the exact lip points [T,40,3] in mm of facial actions [T,52]."""
        moved: NDArray[np.float64] = self.lips_at_rest + np.tensordot(shares, self.lip_actions, axes=1)
        return moved


def make_head(person: Person) -> Head:
    """Return the head of a person."""
    asset = load_asset()
    shares = np.array([person.shapes.get(name, 0.0) for name in asset.shape_names], dtype=np.float32)
    points = asset.points + (asset.shapes.T @ shares).reshape(-1, 3)
    right, left = eye_centres(asset, points)
    size = canonical.INTEROCULAR_MM / float(np.linalg.norm(left - right))
    across = (left - right) / np.linalg.norm(left - right)
    level = np.array([[across[0], across[1], 0], [-across[1], across[0], 0], [0, 0, 1]])
    rest = (points - (left + right) / 2) @ level.T * size
    return Head(person, asset, _closed(asset, rest.astype(np.float32)), size)


def _closed(asset: HeadAsset, rest: Floats) -> Floats:
    """Return the coarse vertices with the inner edges of the lips brought together, their surroundings following."""
    operator = lip_operator(asset)
    inner = np.array([canonical.LIPS.index(i) for i in canonical.INNER_LIP])
    lower, upper = inner[1:10], inner[19:10:-1]
    neutral = operator @ asset.points
    middle = (neutral[lower] + neutral[upper]) / 2
    near = np.argmin(np.abs(asset.points[:, None, 0] - middle[None, :, 0]), axis=1)
    away = np.linalg.norm(asset.points - middle[near], axis=1)
    side = np.tanh((asset.points[:, 1] - middle[near, 1]) / CONTACT_MM)
    share = np.exp(-0.5 * np.square(away / CLOSING_REACH_MM)) * side * asset.soft
    for _ in range(CLOSING_STEPS):
        lips = operator @ rest
        apart = lips[lower] - lips[upper] - np.array([0.0, CONTACT_MM, 0.0])
        rest = (rest - 0.5 * share[:, None] * apart[near]).astype(np.float32)
    return rest


def eye_centres(asset: HeadAsset, coarse: Floats) -> tuple[Floats, Floats]:
    """Return the centres of the person's right and left eyeball."""
    eyes = []
    for name in ("helper-r-eye", "helper-l-eye"):
        fine = np.unique(asset.quads[asset.part == PARTS.index(name)])
        eyes.append((asset.fine[fine] @ coarse).mean(axis=0))
    return eyes[0], eyes[1]
