"""The curves of a training as a picture."""

import json
from pathlib import Path

import matplotlib
import numpy as np

from model_pipeline.training.loop import CURVES

PICTURE = "curves.png"
SMOOTH = 20


def draw_curves(out: Path) -> Path:
    """Draw ``curves.json`` of a training folder: one panel for each stage; return the picture's path."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    entries = json.loads((out / CURVES).read_text(encoding="utf-8"))
    stages = list(dict.fromkeys(entry["stage"] for entry in entries))
    figure, axes = plt.subplots(1, max(1, len(stages)), figsize=(5 * max(1, len(stages)), 3.5), squeeze=False)
    for axis, stage in zip(axes[0], stages, strict=False):
        own = [entry for entry in entries if entry["stage"] == stage]
        for name in sorted({key for entry in own for key in entry} - {"stage", "step", "codes"}):
            points = [(entry["step"], entry[name]) for entry in own if name in entry]
            steps, values = np.array(points, dtype=float).T
            width = min(SMOOTH, len(values))
            axis.plot(steps[width - 1 :], np.convolve(values, np.ones(width) / width, mode="valid"), label=name)
        axis.set(title=stage, xlabel="step", yscale="log")
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(out / PICTURE, dpi=90)
    plt.close(figure)
    return out / PICTURE
