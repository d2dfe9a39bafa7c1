"""What the ``music`` stage of the preparation is worth: real voices in synthetic music, SI-SDR before and after.

usage: python -m model_pipeline.bench.music [--json FILE]
Voices: five sentences of a LibriVox reader (Debian's pocketsphinx-testdata, public domain). Music: held chords, and
the same with a drum twice a second.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from device_agent.engine.features import SAMPLE_RATE
from model_pipeline.errors import DataMissing
from model_pipeline.prepare.stages.music import MusicSettings, si_sdr, without_music

READER = Path("/usr/share/pocketsphinx/test/data/librivox")
LEVELS_DB = (15, 10, 5, 0, -5)
"""Voice above music."""
CHORDS_HZ = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7))
CHORD_S, OVERTONES, FALL = 1.2, 6, 0.6
DRUM_EVERY_S, DRUM_S, DRUM_LOUD = 0.5, 0.03, 3.0
Floats = NDArray[np.float32]


def chords(samples: int) -> Floats:
    """Return four held chords, over and over, with a root mean square of 1."""
    dice, time = np.random.default_rng(0), np.arange(samples) / SAMPLE_RATE
    out = np.zeros(samples)
    step = round(CHORD_S * SAMPLE_RATE)
    for begin in range(0, samples, step):
        part = time[begin : begin + step]
        for note in CHORDS_HZ[begin // step % len(CHORDS_HZ)]:
            for overtone in range(1, OVERTONES + 1):
                phase = dice.uniform(0, 2 * np.pi)
                out[begin : begin + step] += FALL**overtone * np.sin(2 * np.pi * note * overtone * part + phase)
    return (out / np.sqrt(np.square(out).mean())).astype(np.float32)


def with_drums(samples: int) -> Floats:
    """Return the chords with a burst of noise twice a second, with a root mean square of 1."""
    dice, out = np.random.default_rng(1), chords(samples).astype(np.float64)
    for begin in range(0, samples, round(DRUM_EVERY_S * SAMPLE_RATE)):
        room = out[begin : begin + round(6 * DRUM_S * SAMPLE_RATE)]
        room += DRUM_LOUD * dice.normal(size=len(room)) * np.exp(-np.arange(len(room)) / (DRUM_S * SAMPLE_RATE))
    return (out / np.sqrt(np.square(out).mean())).astype(np.float32)


def measure(voices: list[Floats], music: Callable[[int], Floats], level_db: float) -> dict[str, float]:
    """Return SI-SDR in dB before and after, and the share of steady tones, as means over ``voices``."""
    rows = []
    for voice in voices:
        mix = voice + music(len(voice)) * np.float32(voice.std() * 10 ** (-level_db / 20))
        cleaned, share = without_music(mix, MusicSettings())
        rows.append((si_sdr(mix, voice), si_sdr(cleaned, voice), share))
    before, after, share = np.mean(rows, axis=0)
    return {
        "before_db": round(float(before), 2),
        "after_db": round(float(after), 2),
        "steady_share": round(float(share), 2),
    }


def run() -> dict[str, object]:
    """Return every figure."""
    paths = sorted(READER.glob("*.wav"))
    if not paths:
        raise DataMissing(f"{READER} holds no recordings; install them: apt install pocketsphinx-testdata")
    voices = [soundfile.read(path, dtype="float32")[0] for path in paths]
    clean = [without_music(voice, MusicSettings()) for voice in voices]
    return {
        "v": 1,
        "voices": len(voices),
        "voice_alone": {
            "steady_share_largest": round(max(share for _, share in clean), 2),
            "si_sdr_if_masked_all_the_same_db": round(
                float(np.mean([si_sdr(out, voice) for (out, _), voice in zip(clean, voices, strict=True)])), 2
            ),
        },
        "chords": {str(level): measure(voices, chords, level) for level in LEVELS_DB},
        "chords_and_drums": {str(level): measure(voices, with_drums, level) for level in LEVELS_DB},
    }


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    arguments = parser.parse_args()
    text = json.dumps(run(), indent=1) + "\n"
    sys.stdout.write(text)
    if arguments.json:
        arguments.json.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
