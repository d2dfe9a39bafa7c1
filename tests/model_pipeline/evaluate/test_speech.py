"""The mouth of the weights that ship: shut on P, B, M and in silence, open on vowels."""

from frame_protocol.model_package import WEIGHTS
from model_pipeline.evaluate.speech import SENTENCES, check_speech, without_photo
from model_pipeline.export.int8 import load_model
from model_pipeline.export.package import SHIPPED_SAMPLING, WEIGHTS_DIR


def test_lips_meet_on_bilabials_part_on_vowels_and_rest_in_silence():
    model = load_model(WEIGHTS_DIR / WEIGHTS)
    _, figures = check_speech(without_photo(model, SHIPPED_SAMPLING), model.points.numpy(), SENTENCES[:2])
    assert figures["closures"] > 15
    assert figures["closure_share"] >= 0.9
    assert figures["open_vowel_median_mm"] > 6.0
    assert figures["silence_opening_mm"] < 0.6
    assert figures["silence_movement_mm_per_frame"] < 0.3
