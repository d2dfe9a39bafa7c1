"""A picture of an analysis: the mouth, what the sounds asked for, and where it failed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_pipeline.fix.curve import FPS, MouthCurve, expected_opening
from model_pipeline.fix.measure import CLOSED_BELOW_MM, Measurement
from model_pipeline.fix.phones import Phone, SoundClass

COLOURS = {
    SoundClass.BILABIAL: "tab:red",
    SoundClass.LABIODENTAL: "tab:orange",
    SoundClass.OPEN: "tab:blue",
    SoundClass.ROUNDED: "tab:purple",
}


def draw(path: Path, curve: MouthCurve, phones: Sequence[Phone], measured: Measurement, title: str = "") -> None:
    """Write the picture (PNG) to ``path``."""
    figure = Figure(figsize=(14, 4.5), layout="tight")
    axes = figure.subplots()
    times = (np.arange(curve.frames) + 0.5) / FPS
    opening = np.maximum(curve.opening_mm - measured.closed_reading_mm, 0)
    wanted = expected_opening(phones, curve.voice_start_s, curve.frames)
    axes.fill_between(times, wanted, color="0.88", label="expected from the sounds")
    axes.plot(times, opening, color="tab:green", label="measured in the pixels")
    axes.axhline(CLOSED_BELOW_MM, color="0.5", linewidth=0.8, linestyle=":")
    _mark_sounds(axes, measured, curve.voice_start_s)
    axes.set(xlabel="seconds of the clip", ylabel="lip opening, mm", title=title, xlim=(0, max(times[-1], 0.1)))
    axes.legend(loc="upper right", ncols=3, fontsize="small")
    figure.savefig(path, dpi=100)


def _mark_sounds(axes: Axes, measured: Measurement, voice_start_s: float) -> None:
    named: set[SoundClass] = set()
    for item in measured.occurrences:
        if item.kind in (SoundClass.ROUNDED, SoundClass.OTHER):
            continue
        label = None if item.kind in named else item.kind.value
        named.add(item.kind)
        at = item.time_s + voice_start_s
        axes.plot(at, item.reached_mm, "o" if item.good else "x", color=COLOURS[item.kind], label=label)
        axes.annotate(
            item.label, (at, item.reached_mm), fontsize="x-small", xytext=(2, 4), textcoords="offset points"
        )
