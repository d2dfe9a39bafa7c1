"""flite: speech built from recordings of people, with the time of every phoneme; the one place that knows it.

espeak-ng's voices are formants by rule; a model that heard only those hears real people less well. flite (CMU, a
BSD-like licence) speaks English in four voices whose sounds were taken from people.
"""

import subprocess
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from device_agent.engine.features import SAMPLE_RATE
from model_pipeline.data.speech import Phoneme, Utterance
from model_pipeline.errors import ToolFailed

PROGRAM = "flite"
VOICES = {"slt": 170.0, "rms": 95.0, "awb": 130.0}
"""Voice -> Hz it speaks at. Those whose times are true: the diphone voices end up to 0.1 s before their own list."""
PATIENCE_S = 60
TRACT_STEP = 160
"""Hz: rates are resampled in steps of this, one in a hundred."""
_IPA = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "b": "b", "ch": "tʃ", "d": "d",
    "dh": "ð", "eh": "ɛ", "er": "ɚ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ",
    "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "pau": "", "r": "ɹ",
    "s": "s", "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip


def say(
    text: str, voice: str = "slt", *, stretch: float = 1.0, pitch_hz: float = 120.0, tract: float = 1.0
) -> Utterance:
    """Speak English ``text``.

    ``stretch`` lengthens every sound, ``pitch_hz`` is the mean of the melody, a ``tract`` above 1 a longer throat:
    the sound is played slower by that factor, which the stretch makes up for.
    """
    settings = (f"duration_stretch={stretch / tract:.3f}", f"int_f0_target_mean={pitch_hz * tract:.1f}")
    options = [word for setting in settings for word in ("--setf", setting)]
    with tempfile.TemporaryDirectory(prefix="liveframe-flite-") as folder:
        file = Path(folder) / "spoken.wav"
        printed = _run([PROGRAM, "-voice", voice, *options, "-psdur", "-t", text, "-o", str(file)])
        return _utterance(file, printed, tract)


def _run(command: Sequence[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=True, text=True).stdout
    except FileNotFoundError as error:
        raise ToolFailed(f"{PROGRAM} is not there; install it: apt install flite") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise ToolFailed(f"{PROGRAM} could not speak: {error}; try the same by hand: {' '.join(command)}") from error


def _utterance(file: Path, printed: str, tract: float) -> Utterance:
    """Read the sound, and ``name:end`` of every phoneme in seconds."""
    with wave.open(str(file), "rb") as source:
        rate = source.getframerate()
        sound = np.frombuffer(source.readframes(source.getnframes()), dtype="<i2").astype(np.float32) / 32768.0
    audio = resample_poly(sound, round(SAMPLE_RATE * tract / TRACT_STEP), round(rate / TRACT_STEP)).astype(np.float32)
    phonemes, start = [], 0.0
    for word in printed.split():
        name, _, end = word.partition(":")
        phonemes.append(Phoneme(_IPA[name], start * tract, float(end) * tract))
        start = float(end)
    return Utterance(audio, phonemes)
