"""What each preset of the encoder costs and keeps: processor time, size and PSNR on the same drawn frames."""

import math
from pathlib import Path

import av
import numpy as np

from device_agent.engine.arrays import Pixels
from device_agent.engine.bench import Scene, encode_drawn
from device_agent.engine.render import Options
from device_agent.engine.stage import Drawn
from device_agent.engine.video.frames import FrameRing
from device_agent.engine.video.presets import rate_factor
from device_agent.engine.video.process import EncoderProcess

COMPARED = ("ultrafast", "superfast", "veryfast", "faster")
EVERY = 5
"""Every so many frames are compared."""

PEAK = 255.0


def compare(scene: Scene, folder: Path, options: Options) -> dict[str, dict[str, float]]:
    """Return the figures of each preset."""
    drawn, found = scene.draw(), {}
    for preset in COMPARED:
        out = folder / f"{preset}.mp4"
        chosen = Options(width=options.width, height=options.height, preset=preset)
        with EncoderProcess() as encoder:
            _, milliseconds = encode_drawn(scene, drawn, encoder, out, chosen)
        found[preset] = {
            "rate_factor": rate_factor(preset),
            "processor_ms_per_frame": round(milliseconds, 2),
            "kilobytes_per_second": round(out.stat().st_size / 1000 / (len(drawn) / 25), 1),
            **psnr(scene, drawn, out, options),
        }
        out.unlink()
    return found


def psnr(scene: Scene, drawn: list[Drawn], video: Path, options: Options) -> dict[str, float]:
    """Return how near the brightness comes to the drawn frames, in dB: in the whole picture and in the moving box."""
    scene.stage.begin()
    ring = FrameRing(options.width, options.height)
    planes, box = ring.planes(0), scene.stage.box
    whole, inside = [], []
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % EVERY == 0:
                scene.stage.put(drawn[index], 0, planes)
                error = np.square(_brightness(frame) - planes.y.astype(np.float32))
                whole.append(float(error.mean()))
                inside.append(float(error[box.slices].mean()))
    ring.close()
    return {"psnr_db": _decibels(whole), "psnr_moving_box_db": _decibels(inside)}


def _brightness(frame: av.VideoFrame) -> Pixels:
    return np.asarray(frame.to_ndarray()[: frame.height], dtype=np.float32)


def _decibels(errors: list[float]) -> float:
    return round(10 * math.log10(PEAK**2 / max(float(np.mean(errors)), 1e-9)), 2)
