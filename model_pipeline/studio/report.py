"""Figures of the evaluation on rendered heads: means by yaw band, as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from rich.console import Console
from rich.table import Table

from model_pipeline.evaluate.score import mean_score
from model_pipeline.studio.trial import BANDS, CLOSED_MM, Clip

ROWS = ("ours", "static", "1 late", "2 late")
COLUMNS = {
    "mpjpe_mm": "MPJPE mm", "mpjpe_centred_mm": "centred mm", "r_opening": "r opening", "r_width": "r width",
    "amplitude_ratio": "amplitude", "lag_frames": "lag",
}  # fmt: skip


def band_name(band: int) -> str:
    """Return a band in words."""
    low, high = BANDS[band]
    return f"{low}-{high}"


def summary(clips: Sequence[Clip]) -> dict[str, dict[str, dict[str, object]]]:
    """Return driven -> band -> figures; the rows' scores under ``rows``."""
    found: dict[str, dict[str, dict[str, object]]] = {}
    for driven in sorted({clip.driven for clip in clips}):
        of_kind = [clip for clip in clips if clip.driven == driven]
        bands = {band_name(b): [clip for clip in of_kind if clip.band == b] for b in range(len(BANDS))}
        found[driven] = {name: _figures(part) for name, part in (*bands.items(), ("all", of_kind)) if part}
    return found


def _figures(clips: Sequence[Clip]) -> dict[str, object]:
    found: dict[str, object] = {
        "clips": len(clips),
        "faces_found": sum(clip.found for clip in clips),
        "rows": {row: mean_score([clip.rows[row] for clip in clips]) for row in ROWS},
    }
    for name in ("closures_mm", "tracked_closures_mm", "tracked_vowels_mm"):
        values = np.array([value for clip in clips for value in getattr(clip, name)])
        if values.size:
            found[name.replace("_mm", "_below_1_5_mm")] = float(np.mean(np.abs(values) < CLOSED_MM))
            found[name.replace("_mm", "_counted")] = int(values.size)
    silences = [clip.silence_mm for clip in clips if not np.isnan(clip.silence_mm)]
    if silences:
        found |= {"silence_worst_mm": float(max(silences)), "silence_mean_mm": float(np.mean(silences))}
    fits = [clip.fit_mm for clip in clips if not np.isnan(clip.fit_mm)]
    return found | ({"fit_mm": float(np.mean(fits))} if fits else {})


def as_json(clips: Sequence[Clip], settings: dict[str, object]) -> dict[str, object]:
    """Return every figure; see ``evaluate-heads --help`` for the keys."""
    whole = {"v": 1, "settings": settings, "summary": summary(clips), "clips": [asdict(clip) for clip in clips]}
    return {name: _plain(value) for name, value in whole.items()}


def _plain(value: object) -> object:
    """Return ``value`` with null where there is no number: JSON knows no nan."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def print_report(clips: Sequence[Clip]) -> None:
    """Print a table for each way of driving, and the other figures in lines below it."""
    console = Console()
    for driven, bands in summary(clips).items():
        table = Table(title=f"rendered heads driven by {driven}; exact mm in the picture's plane")
        for title in ("yaw", "row", *COLUMNS.values()):
            table.add_column(title, justify="left" if title in ("yaw", "row") else "right")
        notes = []
        for name, figures in bands.items():
            rows = figures.pop("rows")
            for row in ROWS:
                values = rows[row]  # type: ignore[index]
                table.add_row(name if row == ROWS[0] else "", row, *(f"{values[key]:.2f}" for key in COLUMNS))
            words = (
                f"{k.replace('_', ' ')} {v:.2f}" if isinstance(v, float) else f"{k.replace('_', ' ')} {v}"
                for k, v in figures.items()
            )
            notes.append(f"yaw {name}: " + ", ".join(words))
        console.print(table)
        for note in notes:
            console.print(note)
