"""Does the repair help? On heads that no training saw: what is drawn, and what is repaired, beside the truth.

Only pixels count in which both show the inside of the mouth. Everything is measured at the photo's own size.
"""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.runtime.onnx import open_session
from device_agent.engine.warp.grid import Box
from device_agent.engine.warp.repair import Network, bounded, cells, grown, laid_on
from frame_protocol.model_package import WEIGHTS
from model_pipeline.errors import WeightsUnusable
from model_pipeline.export import graphs
from model_pipeline.export.parts import REPAIR
from model_pipeline.models.config import NANO
from model_pipeline.repair.examples import Examples
from model_pipeline.studio.trial import BANDS

SHOWN = 0.5
"""Cover from which on a pixel counts as the mouth's inside."""
LEAST_PIXELS = 12
SSIM_SIGMA, SSIM_C1, SSIM_C2 = 1.5, (0.01 * 219) ** 2, (0.03 * 219) ** 2
"""Window and constants of SSIM for limited-range brightness (Wang et al., IEEE TIP 13(4), 2004)."""
TIMED_RUNS = 200

Row = dict[str, float]


def open_network(weights: Path) -> tuple[Network, float]:
    """Return the exported graph of a folder's weights, and the milliseconds of processor time of one run."""
    tensors = REPAIR.load(weights)
    net = REPAIR.net_of(tensors)
    if net is None:
        raise WeightsUnusable(f"{weights / WEIGHTS} holds no repair network; run: model-pipeline train-repair")
    with tempfile.TemporaryDirectory(prefix="liveframe-repair-") as folder:
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, Path(folder) / WEIGHTS)
        graphs.export_beside(graphs.REPAIR_GRAPH, net, NANO, Path(folder) / WEIGHTS)
        session = open_session(Path(folder) / f"{graphs.REPAIR_GRAPH}.onnx", 1)

    def run(mouth: Floats) -> Floats:
        return np.asarray(session.run(["change"], {"mouth": mouth})[0])

    blank = np.zeros(graphs.graph_inputs(NANO)[graphs.REPAIR_GRAPH]["mouth"], dtype=np.float32)
    run(blank)
    begin = time.process_time()
    for _ in range(TIMED_RUNS):
        run(blank)
    return run, 1000 * (time.process_time() - begin) / TIMED_RUNS


def repaired(network: Network, one: Examples, k: int) -> Pixels:
    """Return mouth ``k`` of a head as the engine would show it with this network: YUV [h,w,3]."""
    hollow = one.hollow[k].astype(np.float32)
    change = bounded(network(cells(one.drawn[k], hollow, one.zero, one.unit)[None])[0], one.reach)
    box = Box(0, 0, hollow.shape[1], hollow.shape[0])
    return laid_on(one.drawn[k], grown(change, box, box), hollow)


def compare(network: Network, heads: Sequence[Examples]) -> dict[str, dict[str, Row]]:
    """Return, by yaw band and over all, the figures of both pictures; every mouth counts the same."""
    rows: dict[str, dict[str, list[Row]]] = {}
    for one in heads:
        for k in range(len(one.drawn)):
            inside = (one.hollow[k] > SHOWN) & one.inside[k]
            if inside.sum() < LEAST_PIXELS:
                continue
            pictures = {"drawn": one.drawn[k], "repaired": repaired(network, one, k)}
            for name, picture in pictures.items():
                row = figures(picture, one.truth[k], inside)
                for band in ("all", _band(one.yaw_degrees)):
                    rows.setdefault(band, {}).setdefault(name, []).append(row)
    return {band: {name: _means(found) for name, found in named.items()} for band, named in sorted(rows.items())}


def figures(picture: Pixels, truth: Pixels, inside: NDArray[np.bool_]) -> Row:
    """Return the figures of one picture against the truth, over the pixels of ``inside``."""
    ours, real = picture.astype(np.float32), truth.astype(np.float32)
    away = np.abs(ours - real)[inside]
    slopes, truly = _slopes(ours[..., 0]), _slopes(real[..., 0])
    return {
        "l1_brightness": float(away[:, 0].mean()),
        "l1_colour": float(away[:, 1:].mean()),
        "ssim": float(_ssim(ours[..., 0], real[..., 0])[inside].mean()),
        "gradient": float(np.abs(slopes - truly)[inside].mean()),
        "slope": float(slopes[inside].mean()),
        "slope_truth": float(truly[inside].mean()),
    }


def _band(yaw: float) -> str:
    return next((f"{low}-{high}" for low, high in BANDS if low <= abs(yaw) <= high), "beyond")


def _means(rows: list[Row]) -> Row:
    means = {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}
    return {"mouths": len(rows), **means}


def _slopes(luma: Floats) -> Floats:
    return np.asarray(cv2.magnitude(cv2.Sobel(luma, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(luma, cv2.CV_32F, 0, 1) / 8))


def _ssim(a: Floats, b: Floats) -> Floats:
    def smooth(values: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), SSIM_SIGMA))

    mean_a, mean_b = smooth(a), smooth(b)
    var_a, var_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
    both = smooth(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + SSIM_C1) * (2 * both + SSIM_C2)
    return np.asarray(above / ((mean_a**2 + mean_b**2 + SSIM_C1) * (var_a + var_b + SSIM_C2)))
