"""Mouths side by side, to look at: as drawn, as repaired, as they are."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from device_agent.engine.arrays import Pixels
from device_agent.engine.compose import RGB_TO_YUV
from device_agent.engine.warp.repair import Network
from model_pipeline.repair.check import repaired
from model_pipeline.repair.examples import Examples

CELL = (192, 144)
GAP = 4


def write_sheet(network: Network, heads: Sequence[Examples], path: Path) -> None:
    """Write one row for each head: its mouths, each drawn, repaired, and true."""
    rows = []
    for one in heads:
        tiles = []
        for k in range(len(one.drawn)):
            for yuv in (one.drawn[k], repaired(network, one, k), one.truth[k]):
                tiles.append(cv2.resize(to_rgb(yuv), CELL, interpolation=cv2.INTER_CUBIC))
            tiles.append(np.full((CELL[1], GAP, 3), 255, dtype=np.uint8))
        rows.append(np.hstack(tiles))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def to_rgb(yuv: Pixels) -> Pixels:
    """Convert YUV [h,w,3] of the engine to RGB."""
    back = np.linalg.inv(RGB_TO_YUV[:, :3])
    return np.clip((yuv - RGB_TO_YUV[:, 3]) @ back.T + 0.5, 0, 255).astype(np.uint8)
