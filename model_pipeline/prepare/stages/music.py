"""Stage ``music``: steady tones behind the voice are taken out of the sound; clean recordings pass untouched.

Median filtering on long windows (Fitzgerald 2010, DAFx; Fitzgerald and Gainza 2010 for voices; Tachibana, Ono,
Sagayama 2014 for why the window is long): in windows of a quarter second instruments that hold their notes are lines
along time, and a voice, whose pitch moves, is spread. What stands out along time is masked.

It takes out: organs, strings, pads, held chords, hum. It leaves: drums (a mask for them takes plosives too, which
lips close on) and singing, which counts as a voice.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.signal import istft, stft

from device_agent.engine.features import SAMPLE_RATE
from model_pipeline.prepare.clip import read_clip, to_int16, write_clip
from model_pipeline.prepare.outcome import Outcome
from model_pipeline.prepare.progress import Tick

NAME = "music"
Floats = NDArray[np.float32]
_SILENT_RMS = 1e-4
"""Below -80 dBFS there is nothing to separate."""


@dataclass(frozen=True)
class MusicSettings:
    """Windows, filters, and from when on a clip counts as having music."""

    window: int = 4096
    """Samples: 256 ms."""
    along_s: float = 1.1
    """Length of the median along time: longer than a syllable, shorter than most notes' repeats."""
    across_hz: float = 70.0
    """Width of the median along frequency."""
    power: float = 2.0
    """Exponent of the soft mask."""
    present_share: float = 0.25
    """Share of the energy in steady tones from which the mask is used at all."""


def music(source: Path, target: Path, settings: MusicSettings, tick: Tick) -> Outcome:
    """Write the clip of ``source`` with the music taken out of its sound, if it has any."""
    clip = read_clip(source)
    cleaned, share = without_music(clip.sound(), settings)
    present = share >= settings.present_share
    write_clip(target / clip.id, replace(clip, audio=to_int16(cleaned)) if present else clip)
    tick(1.0)
    return Outcome(
        [clip.id], [], clip.seconds, clip.seconds, {"steady_share": share, "clips_with_music": float(present)}
    )


def without_music(sound: Floats, settings: MusicSettings) -> tuple[Floats, float]:
    """Return ``sound`` (16 kHz) less its steady tones, and the share of its energy that lay in them."""
    if len(sound) < settings.window or float(np.sqrt(np.square(sound).mean())) < _SILENT_RMS:
        return sound, 0.0
    hop = settings.window // 4
    _, _, spectrum = stft(sound, SAMPLE_RATE, nperseg=settings.window, noverlap=settings.window - hop)
    size = np.abs(spectrum).astype(np.float32)
    steady, moving = _medians(size, hop, settings)
    mask = steady**settings.power / np.maximum(steady**settings.power + moving**settings.power, 1e-12)
    share = float((np.square(size) * mask).sum() / np.square(size).sum())
    _, left = istft(spectrum * (1 - mask), SAMPLE_RATE, nperseg=settings.window, noverlap=settings.window - hop)
    out = np.zeros_like(sound)
    out[: min(len(out), len(left))] = left[: len(out)]
    return out, share


def _medians(size: Floats, hop: int, settings: MusicSettings) -> tuple[Floats, Floats]:
    """Return ``size`` [frequencies, times] filtered along time and along frequency."""
    along = round(settings.along_s * SAMPLE_RATE / hop) | 1
    across = round(settings.across_hz * settings.window / SAMPLE_RATE) | 1
    return median_filter(size, (1, along), mode="nearest"), median_filter(size, (across, 1), mode="nearest")


def si_sdr(found: Floats, true: Floats) -> float:
    """Return the scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019, arXiv:1811.02508)."""
    true, found = true.astype(np.float64), found.astype(np.float64)
    goal = true * (found @ true) / (true @ true)
    return float(10 * np.log10((goal @ goal) / np.square(found - goal).sum()))
