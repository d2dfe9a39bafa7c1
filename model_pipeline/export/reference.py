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
from device_agent.engine.package import Constants
from device_agent.engine.runtime.motion import FrameMotion, MotionModel
from frame_protocol.model_package import Sampling, SelfTest

VOICE_FILE = Path(__file__).resolve().parents[1] / "weights" / "reference" / "voice.wav"
PORTRAIT = "grace_hopper.jpg"
"""US Navy portrait of Grace Hopper, public domain, from matplotlib's sample data."""
PORTRAIT_BOX = (96, 20, 416, 340)
VOICE, PHOTO = "reference/voice.wav", "reference/photo.png"


def voice() -> bytes:
    """Return the reference voice, a 16 kHz mono WAV file: "My people may move above the blue water.", by espeak-ng.

    It is kept as a file because espeak-ng's breath noise differs from call to call, and a package must not.
    """
    return VOICE_FILE.read_bytes()


def samples(wav: bytes) -> NDArray[np.float32]:
    """Return the samples of a 16-bit WAV file in -1..1."""
    with wave.open(io.BytesIO(wav), "rb") as source:
        return np.frombuffer(source.readframes(source.getnframes()), dtype="<i2").astype(np.float32) / np.float32(
            32768.0
        )


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


def save(directory: Path) -> None:
    """Write the reference files below ``directory``."""
    (directory / VOICE).parent.mkdir(parents=True, exist_ok=True)
    (directory / VOICE).write_bytes(voice())
    (directory / PHOTO).write_bytes(photo_png())
