"""How do the pictures look, in numbers? ``python -m device_agent.engine.pictures --model DIR --json FILE``.

For each photo a voice is performed and measured on the drawn frames, before encoding:

- sharpness of the mouth's box in frames of speech: variance of the Laplacian (Pech-Pacheco et al., ICPR 2000), over
  the photo's own; and the same of its skin alone, without what either of both shows between the lips;
- the largest change of any pixel outside the head;
- brightness of the upper teeth in wide frames, divided by that of the cheeks and of the eye whites;
- the least share of its area that a spot of the photo keeps (0 and less: the map folds);
- at rest, the steepest slope of the line between the closed lips, and its waves.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from device_agent.engine import measurement, mouth_shape, package, performance, timeline
from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.loaded import Engine
from device_agent.engine.measurement import Figures
from device_agent.engine.photo.load import load_photo
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.stage import Drawn, Stage, still_planes
from device_agent.engine.stopwatch import Stopwatch
from device_agent.engine.voice import load_voice
from device_agent.engine.warp.field import Sources
from device_agent.engine.warp.grid import STEP, Box
from device_agent.engine.warp.outline import head_strength
from device_agent.engine.warp.tones import eye_white, measure_tones
from frame_protocol.telemetry import Fill

SECONDS = 4.0
SIZE = (1920, 1080)

MOUTH_BESIDE, MOUTH_ABOVE_MM, MOUTH_BELOW_MM = 1.1, 10.0, 22.0
"""The mouth's box: multiples of half its width to either side, and mm from the line of the lips."""

SPOKEN_GATE = 0.5
"""A frame is of speech where the gate lets more than this share of the motion through: a pause rests as the photo."""

WIDE_MM = 6.0
"""Teeth are measured in frames that open the mouth by at least this."""

LIP_EDGE_MM = 1.5
"""Skin begins this far from what shows between the lips."""

TEETH_BESIDE_MM, TEETH_BELOW_MM = 7.0, (-0.5, 1.5)
"""Where the upper front teeth show when the lips part, from the middle of the upper lip's edge."""

BRIGHTER_HALF = 50
"""Percentile: gaps and shadow are left out of the brightness of teeth."""


def main(argv: list[str] | None = None) -> int:
    """Measure photos and write the figures."""
    parser = measurement.argument_parser(
        "python -m device_agent.engine.pictures",
        __doc__ or "",
        example="--model .cache/nano --photo grandma.jpg grandpa.jpg --json pictures.json",
        photos="+",
    )
    return measurement.run("pictures", parser.parse_args(argv), _measure_all)


def _measure_all(arguments: argparse.Namespace) -> Figures:
    model = package.load(measurement.model_folder(arguments))
    photos, voice = measurement.inputs(arguments, model)
    engine = Engine(model)
    measured = {photo.name: measure(engine, photo, voice) for photo in photos}
    return {"model_id": engine.manifest.model_id, "size": "{}x{}".format(*SIZE), "photos": measured}


def measure(
    engine: Engine, photo: Path, voice: Path, *, size: tuple[int, int] = SIZE, seconds: float = SECONDS
) -> Figures:
    """Return the figures of one photo under one voice."""
    portrait = engine.reader.read(load_photo(photo), *size)
    warp = engine.warp(portrait)
    stage = Stage(portrait, warp)
    prompt = engine.motion.prompt(portrait.prompt, portrait.rest_opening_mm, portrait.rest_width_mm)
    plan = timeline.plan(load_voice(voice), seconds, Fill.IDLE)
    trace = performance.Trace()
    ruler = Ruler(engine, portrait)
    gestures = performance.perform(engine, plan, prompt, engine.manifest.sampling, trace=trace, watch=Stopwatch())
    sharp, skin, change, teeth, area = [], [], [], [], []
    still = np.zeros((len(package.MAP_CHANNELS), package.MAP_SIZE, package.MAP_SIZE), dtype=np.float32)
    for number, gesture in enumerate(gestures):
        drawn = stage.draw(gesture)
        motion = still if gesture is None else gesture.motion
        sources = warp.sources(motion)
        area.append(mouth_shape.least_area(portrait, warp.box, sources))
        if number < len(trace.gate) and trace.gate[number] > SPOKEN_GATE:
            sharp.append(ruler.sharpness(drawn))
            skin.append(ruler.skin_sharpness(drawn, mouth_shape.between_lips(portrait, warp.box, sources)))
        change.append(ruler.change_outside_head(drawn))
        if number < len(trace.opening_mm) and trace.opening_mm[number] >= WIDE_MM:
            teeth.append(ruler.teeth(drawn))
    line = mouth_shape.closed_line(portrait, warp.box, warp.sources(still))
    return {
        "frames": len(area),
        "frames_of_speech": len(sharp),
        "sharpness_ratio_median": round(float(np.median(sharp)), 3) if sharp else None,
        "sharpness_ratio_range": [round(min(sharp), 3), round(max(sharp), 3)] if sharp else None,
        "skin_sharpness_ratio_median": round(float(np.median(skin)), 3) if skin else None,
        "change_outside_head": max(change),
        "least_area": round(min(area), 3),
        "closed_line_steepest_degrees": round(mouth_shape.steepest_degrees(portrait, line), 1),
        "closed_line_wave_mm": round(mouth_shape.wave_mm(portrait, line), 2),
        "wide_frames": len(teeth),
        **ruler.brightness(teeth),
    }


class Ruler:
    """Measures drawn face boxes of one portrait."""

    def __init__(self, engine: Engine, portrait: Portrait) -> None:
        self._portrait = portrait
        self._box = engine.warp(portrait).box
        luma, u, v = still_planes(portrait.yuv)
        half = self._box.halved
        self._luma = luma[self._box.slices]
        self._chroma = np.dstack([u[half.slices], v[half.slices]])
        self._mouth = mouth_box(portrait, self._box)
        self._edges = _laplacian(self._luma[self._mouth.slices])
        still = np.zeros((self._box.height // STEP, self._box.width // STEP, 2), dtype=np.float32)
        self._between = mouth_shape.between_lips(portrait, self._box, Sources(still, still))
        self._margin = np.ones((2 * round(LIP_EDGE_MM * portrait.px_per_mm) + 1,) * 2, dtype=np.uint8)
        self._outside = outside_head(portrait, self._box)

    def sharpness(self, drawn: Drawn) -> float:
        """Return the sharpness of the mouth's box as a multiple of the photo's own."""
        return _ratio(_laplacian(drawn[0][self._mouth.slices]), self._edges)

    def skin_sharpness(self, drawn: Drawn, between: Floats) -> float:
        """Return the same without what ``between``, bool [height, width] of the box, and the photo show there."""
        parted = (between | self._between)[self._mouth.slices].astype(np.uint8)
        skin = cv2.dilate(parted, self._margin) == 0
        return _ratio(_laplacian(drawn[0][self._mouth.slices])[skin], self._edges[skin])

    def change_outside_head(self, drawn: Drawn) -> int:
        """Return the largest difference to the photo of any pixel outside the head, 0..255."""
        luma, chroma = drawn
        bright = np.abs(luma.astype(np.int16) - self._luma)[self._outside]
        colour = np.abs(chroma.astype(np.int16) - self._chroma)[self._outside[::2, ::2] & self._outside[1::2, 1::2]]
        return int(max(bright.max(initial=0), colour.max(initial=0)))

    def teeth(self, drawn: Drawn) -> float:
        """Return the brightness (Y) of what shows where the upper front teeth stand."""
        lips, unit = self._portrait.lips, self._portrait.px_per_mm
        rows, columns = np.mgrid[0 : self._box.height, 0 : self._box.width].astype(np.float32)
        along, across = lips.frame(columns + self._box.left + 0.5, rows + self._box.top + 0.5)
        below = (across - lips.heights(along)[0]) / unit
        here = (np.abs(along) < TEETH_BESIDE_MM * unit) & (below > TEETH_BELOW_MM[0]) & (below < TEETH_BELOW_MM[1])
        pixels = drawn[0][here]
        return float(np.median(pixels[pixels >= np.percentile(pixels, BRIGHTER_HALF)]))

    def brightness(self, teeth: list[float]) -> dict[str, float | None]:
        """Return the median brightness of teeth above the photo's black, beside that of skin and eye whites."""
        tones, white = measure_tones(self._portrait), eye_white(self._portrait)
        black = float(tones.dark[0])
        over_black = float(np.median(teeth)) - black if teeth else None
        return {
            "teeth_to_skin": _share(over_black, float(tones.skin[0]) - black),
            "teeth_to_eye_white": _share(over_black, None if white is None else float(white[0]) - black),
        }


def mouth_box(portrait: Portrait, box: Box) -> Box:
    """Return the rectangle around the lips, counted from the corner of ``box``."""
    lips, unit = portrait.lips, portrait.px_per_mm
    x, y = lips.centre - np.array([box.left, box.top])
    left, right = (int(np.clip(x + side * MOUTH_BESIDE * lips.half_width, 0, box.width)) for side in (-1, 1))
    top, bottom = (int(np.clip(y + mm * unit, 0, box.height)) for mm in (-MOUTH_ABOVE_MM, MOUTH_BELOW_MM))
    return Box(left, top, right - left, bottom - top)


def outside_head(portrait: Portrait, box: Box) -> Floats:
    """Return for each pixel of ``box`` whether neither head nor neck may move it, bool [height, width]."""
    x = box.left + STEP / 2 + STEP * np.arange(box.width // STEP, dtype=np.float32)
    y = box.top + STEP / 2 + STEP * np.arange(box.height // STEP, dtype=np.float32)
    head = (head_strength(portrait, x, y) > 0).astype(np.uint8)
    cell_wider = cv2.dilate(head, np.ones((3, 3), dtype=np.uint8))
    return np.repeat(np.repeat(cell_wider == 0, STEP, axis=0), STEP, axis=1)


def _laplacian(picture: Pixels) -> Floats:
    return np.asarray(cv2.Laplacian(np.ascontiguousarray(picture), cv2.CV_32F))


def _ratio(edges: Floats, own: Floats) -> float:
    return float(edges.var()) / max(float(own.var()), 1e-6)


def _share(value: float | None, of: float | None) -> float | None:
    return None if value is None or of is None or of <= 0 else round(value / of, 3)


if __name__ == "__main__":
    sys.exit(main())
