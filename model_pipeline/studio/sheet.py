"""The studio's contact sheet: each row a head, turned and speaking."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model_pipeline.data.visemes import TABLE, Viseme
from model_pipeline.studio.head import make_head
from model_pipeline.studio.identity import draw_person
from model_pipeline.studio.pairs import scale_at_lips
from model_pipeline.studio.picture import Studio, camera, draw_shot
from model_pipeline.studio.rig import actions, make_rig, measures

COLUMNS = (
    (0.0, Viseme.SILENCE), (0.0, Viseme.OPEN), (0.0, Viseme.CLOSE_FRONT), (0.0, Viseme.CLOSE_BACK),
    (22.0, Viseme.MID_FRONT), (-22.0, Viseme.SIBILANT), (42.0, Viseme.OPEN), (-42.0, Viseme.SILENCE),
)  # fmt: skip
"""Yaw in degrees, and what is said."""


@dataclass(frozen=True)
class Sheet:
    """Pictures and what is true of them."""

    pixels: NDArray[np.uint8]
    """[heads*size, columns*size, 3] RGB."""
    cells: list[dict[str, object]]


def draw_sheet(heads: int, seed: int, size: int, done: Callable[[], None]) -> Sheet:
    """Photograph ``heads`` people in every column; ``done`` hears of each picture."""
    rows, cells = [], []
    for number in range(seed, seed + heads):
        head = make_head(draw_person(number))
        rig, studio, row = make_rig(head), Studio(head), []
        for yaw, viseme in COLUMNS:
            shot = draw_shot(number, yaw=yaw, size=size)
            target = TABLE[viseme]
            shares = rig.speak(np.array([[max(target.opening, 0.0), target.width]]))
            lips, view = head.lips(shares), camera(shot)
            opening, width = (round(float(value), 3) for value in measures(lips)[0])
            row.append(studio.shoot(shot, actions(head, shares[0])))
            cells.append({
                "seed": number, "yaw_degrees": yaw, "viseme": viseme.value,
                "opening_mm": opening, "width_mm": width,
                "px_per_mm": round(scale_at_lips(view, lips[0]), 4),
                "lips_px": np.round(view.project(lips[0])[:, :2], 3).tolist(),
                "lips_mm": np.round(lips[0], 3).tolist(),
            })  # fmt: skip
            done()
        rows.append(np.hstack(row))
    return Sheet(np.vstack(rows), cells)


def save(picture: NDArray[np.uint8], path: Path) -> None:
    """Write RGB pixels as PNG or JPEG, by the end of the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = cv2.imencode(path.suffix, picture[..., ::-1])[1]
    path.write_bytes(coded.tobytes())
