"""Stage ``music``: steady tones behind the voice are taken out of the sound; clean recordings pass untouched.

Median filtering for harmonic and percussive parts (Fitzgerald 2010, DAFx) on long windows: there, instruments that
hold their notes are lines along time; a voice, whose pitch moves, is spread (Tachibana, Ono, Sagayama 2014). The
level of a line is taken from the lower third of what is around it, as in minimum statistics (Martin 2001): a syllable
is short, a note is long, so the voice's own vowels stay. What the lines explain is masked.

It takes out: organs, strings, pads, held chords, hum. It leaves: drums (a mask for them takes plosives too, which
lips close on) and singing, which counts as a voice.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, percentile_filter
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
    along_s: float = 0.6
    """Stretch of time whose lower third is the level of a line: longer than a syllable, shorter than a held note."""
    percentile: int = 30
    across_hz: float = 70.0
    """Width of the median along frequency that a line must stand out from."""
    over: float = 1.5
    """A line's level is taken this many times: its lower third underestimates it."""
    quiet_share: float = 0.2
    """Share of the windows, the quietest, that are looked at for music: in a clean recording they hold noise."""
    present_share: float = 0.45
    """Share of the quiet windows' energy in steady tones from which a clip has music: voices alone reach 0.4."""


def music(source: Path, target: Path, settings: MusicSettings, tick: Tick) -> Outcome:
    """Write the clip of ``source`` with the music taken out of its sound, if it has any."""
    clip = read_clip(source)
    cleaned, share = without_music(clip.sound(), settings)
    present = share >= settings.present_share
    write_clip(target / clip.id, replace(clip, audio=to_int16(cleaned)) if present else clip, source)
    tick(1.0)
    return Outcome(
        [clip.id], [], clip.seconds, clip.seconds, {"steady_share": share, "clips_with_music": float(present)}
    )


def without_music(sound: Floats, settings: MusicSettings) -> tuple[Floats, float]:
    """Return ``sound`` (16 kHz) less its steady tones, and their share of the energy of its quiet windows."""
    if len(sound) < settings.window or float(np.sqrt(np.square(sound).mean())) < _SILENT_RMS:
        return sound, 0.0
    overlap = settings.window * 3 // 4
    _, _, spectrum = stft(sound, SAMPLE_RATE, nperseg=settings.window, noverlap=overlap)
    size = np.abs(spectrum).astype(np.float32)
    mask = steady_mask(size, settings)
    _, left = istft(spectrum * (1 - mask), SAMPLE_RATE, nperseg=settings.window, noverlap=overlap)
    out = np.zeros_like(sound)
    out[: min(len(out), len(left))] = left[: len(out)]
    return out, _quiet_share(np.square(size), mask, settings.quiet_share)


def steady_mask(size: Floats, settings: MusicSettings) -> Floats:
    """Return which share 0..1 of the magnitudes [frequencies, times] is steady tones."""
    along = round(settings.along_s * SAMPLE_RATE * 4 / settings.window) | 1
    across = round(settings.across_hz * settings.window / SAMPLE_RATE) | 1
    line = percentile_filter(size, settings.percentile, (1, along), mode="nearest")
    spread = median_filter(size, (across, 1), mode="nearest")
    explained = np.minimum(1.0, np.square(settings.over * line / np.maximum(size, 1e-9)))
    stands_out = np.square(line) / np.maximum(np.square(line) + np.square(spread), 1e-12)
    return np.asarray(explained * stands_out, dtype=np.float32)


def _quiet_share(power: Floats, mask: Floats, share: float) -> float:
    loudness = power.sum(axis=0)
    quiet = loudness <= np.quantile(loudness, share)
    return float((power * mask)[:, quiet].sum() / max(float(power[:, quiet].sum()), 1e-12))


def si_sdr(found: Floats, true: Floats) -> float:
    """Return the scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019, arXiv:1811.02508)."""
    true, found = true.astype(np.float64), found.astype(np.float64)
    goal = true * (found @ true) / (true @ true)
    return float(10 * np.log10((goal @ goal) / np.square(found - goal).sum()))
