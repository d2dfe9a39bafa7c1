"""The figures of the story: what goes into report.json and into the table at the end (docs/demo-report.md)."""

from dataclasses import dataclass
from typing import Any

from demo.display import Row

MISSING = "-"
MEASURED = (
    "closure_share",
    "silence_sd_mm",
    "silence_mean_mm",
    "amplitude_mm",
    "r_expected",
    "lag_frames",
    "jitter_mm",
)
"""Figures of ``model-pipeline analyse`` that go into the table."""


@dataclass(frozen=True)
class Figure:
    """One row: a key of both videos' figures, how it is called and shown."""

    key: str
    title: str
    form: str = "{:.2f}"


FIGURES = (
    Figure("model_id", "model", "{}"),
    Figure("closure_share", "closures: P, B, M with lips together"),
    Figure("silence_sd_mm", "mouth movement in silence, sd, mm"),
    Figure("silence_mean_mm", "mouth opening in silence, mean, mm"),
    Figure("amplitude_mm", "amplitude of the opening, mm"),
    Figure("r_expected", "r of the opening with what the sounds expect"),
    Figure("lag_frames", "picture behind sound, frames", "{}"),
    Figure("jitter_mm", "jitter, mm"),
    Figure("frames", "frames", "{}"),
    Figure("frames_shown", "frames shown by the sink", "{}"),
    Figure("first_frame_ms", "first frame, ms after the photo is prepared", "{:.0f}"),
    Figure("fps", "rendered frames per second (1080p, whole, CPU)", "{:.1f}"),
    Figure("peak_memory_mb", "peak memory, MB, with the encoder's process", "{:.0f}"),
)


def video_figures(render: dict[str, Any], playback: dict[str, Any], analysis: dict[str, Any]) -> dict[str, Any]:
    """Collect the figures of one video from what the programs printed."""
    measured = analysis["figures"]
    return {
        **{key: render[key] for key in ("model_id", "frames", "first_frame_ms", "fps", "peak_memory_mb")},
        "stage_seconds": render["stage_seconds"],
        "frames_shown": playback["shown"],
        "completed": playback["completed"],
        **{key: measured[key] for key in MEASURED},
        "findings": [finding["sentence"] for finding in analysis["findings"]],
    }  # fmt: skip


def rows(before: dict[str, Any], after: dict[str, Any]) -> list[Row]:
    """Return the table's rows."""

    def shown(figure: Figure, value: object) -> str:
        return MISSING if value is None else figure.form.format(value)

    return [
        (figure.title, shown(figure, before.get(figure.key)), shown(figure, after.get(figure.key)))
        for figure in FIGURES
    ]
