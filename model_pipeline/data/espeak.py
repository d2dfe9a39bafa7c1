"""espeak-ng through ctypes: speech with the time of every phoneme. The one place that knows the library.

espeak-ng is GPL-3: a tool that makes training data and tests here; nothing of it goes into a package or onto a frame.
"""

import ctypes
from ctypes import c_char_p, c_int, c_short, c_uint, c_void_p
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from device_agent.engine.features import SAMPLE_RATE
from model_pipeline.data.speech import Phoneme, Utterance
from model_pipeline.errors import ToolFailed

_LIBRARY = "libespeak-ng.so.1"
_SYNCHRONOUS, _PHONEME_EVENTS_IPA = 2, 3
_UTF8 = 1
_END, _PHONEME = 0, 7
_RATE, _PITCH, _RANGE = 1, 3, 4


class _EventId(ctypes.Union):
    _fields_ = (("number", c_int), ("name", c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", c_int), ("unique_identifier", c_uint), ("text_position", c_int), ("length", c_int),
        ("audio_position", c_int), ("sample", c_int), ("user_data", c_void_p), ("id", _EventId),
    )  # fmt: skip


_CALLBACK = ctypes.CFUNCTYPE(c_int, ctypes.POINTER(c_short), c_int, ctypes.POINTER(_Event))


class _Recorder:
    """Collects what the library's callback brings."""

    def __init__(self) -> None:
        self.pieces: list[NDArray[np.int16]] = []
        self.events: list[tuple[int, str]] = []
        self.callback = _CALLBACK(self._receive)

    def _receive(self, wave: "ctypes._Pointer[c_short]", count: int, events: "ctypes._Pointer[_Event]") -> int:
        if wave and count > 0:
            self.pieces.append(np.ctypeslib.as_array(wave, shape=(count,)).copy())
        index = 0
        while events[index].type != _END:
            if events[index].type == _PHONEME:
                name = events[index].id.string.decode("utf-8", "ignore")
                self.events.append((events[index].audio_position, name))
            index += 1
        return 0


class _Library:
    """The loaded library and its callback, which must live as long."""

    def __init__(self) -> None:
        try:
            self.speak = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise ToolFailed(
                f"{_LIBRARY} cannot be loaded ({error}); install it: apt install libespeak-ng1"
            ) from error
        self.rate = self.speak.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS_IPA)
        if self.rate <= 0:
            raise ToolFailed(
                f"espeak-ng did not start (code {self.rate}); install its data: apt install espeak-ng-data"
            )
        self.recorder = _Recorder()
        self.speak.espeak_SetSynthCallback(self.recorder.callback)


@cache
def _library() -> _Library:
    return _Library()


def say(text: str, voice: str = "en-us", *, rate: int = 160, pitch: int = 50, pitch_range: int = 50) -> Utterance:
    """Speak ``text``; ``rate`` in words per minute, pitch and its range 0..100."""
    library = _library()
    library.recorder.pieces.clear()
    library.recorder.events.clear()
    if library.speak.espeak_SetVoiceByName(voice.encode()) != 0:
        raise ToolFailed(f"espeak-ng has no voice {voice!r}; list them with: espeak-ng --voices")
    for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
        library.speak.espeak_SetParameter(parameter, value, 0)
    data = text.encode("utf-8") + b"\0"
    library.speak.espeak_Synth(data, len(data), 0, 0, 0, _UTF8, None, None)
    library.speak.espeak_Synchronize()
    return _utterance(library)


def _utterance(library: _Library) -> Utterance:
    """Put pieces and events together, at 16 kHz."""
    if not library.recorder.pieces:
        return Utterance(np.zeros(0, dtype=np.float32), [])
    wave = np.concatenate(library.recorder.pieces).astype(np.float32) / 32768.0
    seconds = wave.size / library.rate
    audio = resample_poly(wave, SAMPLE_RATE, library.rate).astype(np.float32)
    starts = [(position / 1000.0, _clean(name)) for position, name in library.recorder.events]
    ends = [start for start, _ in starts[1:]] + [seconds]
    phonemes = [Phoneme(name, start, end) for (start, name), end in zip(starts, ends, strict=True) if end > start]
    return Utterance(audio, phonemes)


def _clean(name: str) -> str:
    """Strip language marks such as ``(en)`` and stress."""
    return "".join(ch for ch in name.partition("(")[0] if ch not in "ˈˌ'")
