"""Reference of the activation test: a short voice, a portrait, and what this very package makes of the voice."""

import io
import wave
from importlib.resources import files
from pathlib import Path

import matplotlib.cbook
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from device_agent.engine import canonical
from device_agent.engine.features import SAMPLE_RATE
from device_agent.engine.package import Constants
from device_agent.engine.runtime.motion import FrameMotion, MotionModel
from frame_protocol.model_package import Sampling, SelfTest
from model_pipeline.data import espeak

SENTENCE = "My people may move above the blue water."
VOICE_PEAK = 0.6
PORTRAIT = "grace_hopper.jpg"
"""US Navy portrait of Grace Hopper, public domain, from matplotlib's sample data."""
PORTRAIT_BOX = (96, 20, 416, 340)
VOICE, PHOTO = "reference/voice.wav", "reference/photo.png"


def voice() -> NDArray[np.float32]:
    """Return the reference voice as the 16-bit file will hold it."""
    audio = espeak.say(SENTENCE, "en-us", rate=165).audio
    scaled = audio * (VOICE_PEAK / max(float(np.abs(audio).max()), 1e-6))
    return np.round(scaled * 32767.0).astype(np.float32) / np.float32(32768.0)


def voice_wav(audio: NDArray[np.float32]) -> bytes:
    """Return ``audio`` as a 16 kHz mono WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(np.round(audio * 32768.0).astype("<i2").tobytes())
    return buffer.getvalue()


def photo_png() -> bytes:
    """Return the reference portrait, cropped around the head."""
    source = files(matplotlib.cbook.__package__).joinpath("mpl-data", "sample_data", PORTRAIT)
    with source.open("rb") as file, Image.open(file) as image:
        buffer = io.BytesIO()
        image.convert("RGB").crop(PORTRAIT_BOX).save(buffer, "PNG", optimize=True)
        return buffer.getvalue()


def speak(model: MotionModel, audio: NDArray[np.float32]) -> list[FrameMotion]:
    """Return every frame that the package makes of ``audio``: null prompt, argmax."""
    return list(model.speak(audio, model.null_prompt(), Sampling(temperature=0.0)))


def self_test(model: MotionModel, constants: Constants, audio: NDArray[np.float32]) -> SelfTest:
    """Run the package on its own voice and write down tokens and openings."""
    frames = speak(model, audio)
    opening = [canonical.map_opening(frame.motion, constants.points, constants.extent) for frame in frames]
    return SelfTest(
        voice=VOICE,
        photo=PHOTO,
        tokens=[frame.tokens for frame in frames],
        opening_mm=[round(value, 3) for value in opening],
    )


def save(directory: Path, audio: NDArray[np.float32]) -> None:
    """Write the reference files below ``directory``."""
    (directory / VOICE).parent.mkdir(parents=True, exist_ok=True)
    (directory / VOICE).write_bytes(voice_wav(audio))
    (directory / PHOTO).write_bytes(photo_png())
