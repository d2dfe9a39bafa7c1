"""Does memory stay flat while a long voice is rendered? Both processes are watched from a third."""

import subprocess
import sys
import tempfile
import threading
import time
import wave
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
import numpy as np
import psutil

from device_agent.engine.voice import SOUND_RATE, load_voice

SAMPLE_SECONDS = 1.0
PAUSE_SECONDS = 0.6
MEGABYTE = 2**20
SETTLED = 0.2
"""Growth is counted after this share of the time: until then both processes fill their buffers."""


@dataclass
class Memory:
    """Resident memory over the time of a rendering, MB."""

    seconds: list[float] = field(default_factory=list)
    agent: list[float] = field(default_factory=list)
    encoder: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, object]:
        """Return peaks, and the straight line through the settled part."""
        first = int(len(self.seconds) * SETTLED)
        found: dict[str, object] = {"samples": len(self.seconds), "watched_seconds": round(max(self.seconds), 1)}
        for name, values in (("agent", self.agent), ("encoder", self.encoder)):
            settled = np.array(values[first:])
            found[f"{name}_peak_mb"] = round(max(values), 1)
            found[f"{name}_settled_mb"] = [round(float(settled.min()), 1), round(float(settled.max()), 1)]
            slope = np.polyfit(self.seconds[first:], settled, 1)[0]
            found[f"{name}_growth_mb_per_minute_watched"] = round(60 * float(slope), 3)
        return found


def measure(model: Path, photo: Path, voice: Path, *, seconds: float, size: str) -> tuple[dict[str, object], Memory]:
    """Render a voice of so many seconds in a process of its own; return its figures and what memory it took."""
    with tempfile.TemporaryDirectory(prefix="liveframe-long-") as folder:
        spoken = Path(folder) / "long.wav"
        write_long_voice(voice, spoken, seconds)
        program = [sys.executable, "-m", "model_pipeline.bench.long_voice", str(model), str(photo), str(spoken)]
        process = subprocess.Popen([*program, str(Path(folder) / "long.mp4"), str(seconds), size])
        memory = watch(process)
        if process.wait() != 0:
            raise RuntimeError(
                f"rendering the long voice ended with code {process.returncode}; see its message above"
            )
    figures = {"voice_seconds": seconds, "size": size, "frames": round(seconds * 25), **memory.figures()}
    return figures, memory


def write_long_voice(voice: Path, out: Path, seconds: float) -> None:
    """Write a WAV file that says ``voice`` again and again for so many seconds."""
    sound = load_voice(voice).sound
    again = np.concatenate([sound, np.zeros(round(PAUSE_SECONDS * SOUND_RATE), dtype=np.int16)])
    with wave.open(str(out), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE)
        file.writeframes(np.resize(again, round(seconds * SOUND_RATE)).tobytes())


def watch(process: "subprocess.Popen[bytes]") -> Memory:
    """Sample the process and its child until it ends."""
    memory, agent, begin = Memory(), psutil.Process(process.pid), time.monotonic()
    ended = threading.Event()
    threading.Thread(target=lambda: (process.wait(), ended.set()), daemon=True).start()
    while not ended.wait(SAMPLE_SECONDS):
        try:
            children = agent.children()
            if children:
                sizes = agent.memory_info().rss / MEGABYTE, children[0].memory_info().rss / MEGABYTE
                memory.seconds.append(time.monotonic() - begin)
                memory.agent.append(sizes[0])
                memory.encoder.append(sizes[1])
        except psutil.NoSuchProcess:
            break
    return memory


def plot(memory: Memory, path: Path) -> None:
    """Draw both curves."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
    axes.plot(memory.seconds, memory.agent, label="agent")
    axes.plot(memory.seconds, memory.encoder, label="encoder")
    axes.set(xlabel="seconds of rendering", ylabel="resident MB", ylim=(0, None))
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _render(model: str, photo: str, voice: str, out: str, *, seconds: float, size: str) -> None:
    from device_agent.engine import package
    from device_agent.engine.loaded import Engine
    from device_agent.engine.render import Options, render

    width, height = map(int, size.split("x"))
    options = Options(width=width, height=height, seconds=seconds, voice_seconds=seconds)
    render(Engine(package.load(Path(model))), Path(photo), Path(voice), Path(out), options=options)


if __name__ == "__main__":
    _render(*sys.argv[1:5], seconds=float(sys.argv[5]), size=sys.argv[6])
