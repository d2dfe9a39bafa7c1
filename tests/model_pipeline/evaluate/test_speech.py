"""The mouth of the weights that ship: shut on P, B, M and in silence, open on vowels, with and without a photo."""

import numpy as np
import pytest
from PIL import Image

from device_agent.engine import package
from device_agent.engine.loaded import Engine
from frame_protocol.model_package import WEIGHTS
from model_pipeline.data.speakers import FLITE
from model_pipeline.evaluate.speech import SENTENCES, check_speech, without_photo
from model_pipeline.export.int8 import load_model
from model_pipeline.export.package import SHIPPED_SAMPLING, WEIGHTS_DIR
from model_pipeline.export.reference import PHOTO

NATURAL = next(item for item in SENTENCES if item[0].startswith(FLITE))
"""A voice whose sounds come from people."""


@pytest.fixture(scope="module")
def engine(shipped) -> tuple[Engine, np.ndarray]:
    """The shipped package, loaded as on a frame, and the pixels of its portrait."""
    return Engine(package.load(shipped)), np.asarray(Image.open(shipped / PHOTO).convert("RGB"))


def assert_follows_the_words(figures: dict[str, float]) -> None:
    assert figures["closures"] > 15
    assert figures["closure_share"] >= 0.9
    assert figures["open_vowel_median_mm"] > 6.0
    assert figures["silence_opening_mm"] < 0.6
    assert figures["silence_movement_mm_per_frame"] < 0.3


def test_lips_meet_on_bilabials_part_on_vowels_and_rest_in_silence():
    model = load_model(WEIGHTS_DIR / WEIGHTS)
    _, figures = check_speech(without_photo(model, SHIPPED_SAMPLING), model.points.numpy(), (*SENTENCES[:2], NATURAL))
    assert_follows_the_words(figures)


def test_a_photo_does_not_keep_the_lips_from_meeting(engine):
    loaded, portrait = engine
    face = loaded.reader.read(portrait, 1920, 1080)
    prompt = loaded.motion.prompt(face.prompt, face.rest_opening_mm, face.rest_width_mm)

    def mouth(audio: np.ndarray) -> list[np.ndarray]:
        return [frame.motion for frame in loaded.motion.speak(audio, prompt, SHIPPED_SAMPLING)]

    _, figures = check_speech(mouth, loaded.constants.points, SENTENCES[:2])
    assert_follows_the_words(figures)
