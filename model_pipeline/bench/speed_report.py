"""Turns the figures of the speed benchmark into docs/model/speed.md."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

Figures = dict[str, Any]

WANTED = (
    ("render_fps", "frames a second, whole", ">=", 50.0),
    ("render_to_encode_only", "of encoding the same frames from memory", ">=", 0.5),
    ("render_to_wav2lip_size", "times a network of Wav2Lip's size alone", ">=", 1.5),
    ("first_frame_ms", "ms to the first frame, photo prepared, warm", "<=", 280.0),
    ("photo_ms", "ms to prepare the photo", "<=", 1500.0),
    ("model_load_ms", "ms to load the model", "<=", 1000.0),
)

NAMES = {
    "voice": "decode the voice", "life": "blinks and nods", "speech": "speech detector",
    "model": "features and graphs",
    "wait": "wait for the encoder", "warp": "draw and put into the frame", "finish": "wait for the last frames",
    "encode": "encoder process (H.264, AAC), beside",
}  # fmt: skip


def judge(figures: Figures) -> dict[str, dict[str, object]]:
    """Return each target with what was measured and whether it is met."""
    return {
        name: {"measured": figures[name], "wanted": f"{sign} {limit:g}", "met": _meets(figures[name], sign, limit)}
        for name, _, sign, limit in WANTED
    }


def write(figures: Figures, path: Path) -> None:
    """Write the report, and a picture of the stages beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plot(figures, path.with_name("speed.png"))
    path.write_text(markdown(figures))


def markdown(figures: Figures) -> str:
    """Return the report."""
    parts = [_head(figures), _targets(figures), _stages(figures)]
    parts += [part(figures) for name, part in (("presets", _presets), ("long_voice", _long)) if name in figures]
    return "\n".join(parts)


def plot(figures: Figures, path: Path) -> None:
    """Draw what a frame costs in both processes."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    worked, drawing = figures["processor_ms_per_frame"], figures["drawing_ms_per_frame"]
    figure, axes = plt.subplots(figsize=(8, 2.4), layout="constrained")
    agent = {"graphs": worked["model"], "speech": worked["speech"]}
    agent |= {name.partition(" (")[0]: value for name, value in drawing.items()}
    left = 0.0
    for name, value in agent.items():
        axes.barh("agent", value, left=left, label=name)
        left += value
    axes.barh("encoder", worked["encode"], label="H.264, AAC")
    axes.set(xlabel="processor milliseconds a frame")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _head(figures: Figures) -> str:
    rival = figures["wav2lip_size"]
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    model = figures["model_id"]
    parameters, macs = rival["parameters"] / 1e6, rival["macs_per_frame"] / 1e9
    return f"""# How fast the engine is

Written by `make bench-engine REPORT=docs/model/speed.md`; not edited by hand.

- Machine: {figures["machine"]}; {versions}.
- Load average before: {figures["load_before"]}; above 0, others had a share of the cores.
- Video: {figures["size"]}, {figures["frames"]} frames of speech, blinks and nods, model `{model}`.
- Encoder: x264, preset `{figures["preset"]}`, in a process of its own.
- Medians of {figures["runs"]} runs; a ratio is the median of the ratios within each run.
- A network of Wav2Lip's size: {parameters:.1f} million parameters, {macs:.2f} GMAC a frame, counted from its
  graph; fp32, onnxruntime, {rival["threads"]} threads.
"""


def _targets(figures: Figures) -> str:
    lines = ["| figure | measured | wanted | |", "|---|---|---|---|"]
    for name, words, _, _ in WANTED:
        row = figures["targets"][name]
        lines.append(f"| {words} | {row['measured']} | {row['wanted']} | {'met' if row['met'] else 'not met'} |")
    for name, words in (("encode_only_fps", "encoding alone"), ("wav2lip_size_fps", "Wav2Lip's size alone")):
        lines.append(f"| {words}, frames a second | {figures[name]} | | |")
    lines.append(
        f"| frames a second that the processor times below allow on idle cores | {figures['possible_fps']} | | |"
    )
    lines.append(f"| peak memory of both processes, MB | {figures['peak_memory_mb']} | | |")
    return "\n".join(lines) + "\n"


def _stages(figures: Figures) -> str:
    clock, worked = figures["ms_per_frame"], figures["processor_ms_per_frame"]
    rows = [f"| {NAMES.get(name, name)} | {clock[name]:.2f} | {worked[name]:.2f} |" for name in clock]
    parts = [f"| {name} | {value:.2f} |" for name, value in figures["drawing_ms_per_frame"].items()]
    return "\n".join(
        [
            "## Where the time goes", "",
            "Milliseconds a frame; both processes run at the same time. Where the clock shows more than the",
            "processor, others had it.", "",
            "| stage | clock | processor |", "|---|---|---|", *rows, "",
            "Inside the drawing, watched function by function (which itself takes a little):", "",
            "| part | processor |", "|---|---|", *parts, "",
            "![processor milliseconds a frame](speed.png)", "",
        ]
    )  # fmt: skip


def _presets(figures: Figures) -> str:
    lines = [
        "## Presets of the encoder", "",
        "The same drawn frames; PSNR of brightness against what was drawn, in the whole picture and in the box that",
        "moves. Processor time includes the start of the process.", "",
        "| preset | rate factor | processor ms a frame | kB/s | PSNR dB | in the moving box |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, row in figures["presets"].items():
        lines.append("| " + " | ".join([f"`{name}`", *(str(value) for value in row.values())]) + " |")
    return "\n".join(lines) + "\n"


def _long(figures: Figures) -> str:
    row = figures["long_voice"]
    lines = [
        "## Memory over a long voice", "",
        f"A voice of {row['voice_seconds']:g} s at {row['size']} ({row['frames']} frames); both processes sampled",
        f"every second ({row['samples']} samples).", "",
        "| process | peak MB | after the first fifth, MB | growth, MB a minute of rendering |", "|---|---|---|---|",
    ]  # fmt: skip
    for name in ("agent", "encoder"):
        low, high = row[f"{name}_settled_mb"]
        growth = row[f"{name}_growth_mb_per_minute_watched"]
        lines.append(f"| {name} | {row[f'{name}_peak_mb']} | {low} to {high} | {growth} |")
    return "\n".join([*lines, "", "![resident memory](memory.png)", ""])


def _meets(value: float, sign: str, limit: float) -> bool:
    return value >= limit if sign == ">=" else value <= limit
