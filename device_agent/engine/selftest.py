"""Does a model package work on this machine? Its own voice must give the figures that its manifest names.

The updater keeps a new model only after this; the laboratory makes the reference with ``perform_reference``.
"""

import time
from pathlib import Path

import numpy as np

from device_agent.engine import canonical, package
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.load import load_photo
from device_agent.engine.voice import load_voice
from device_agent.errors import ModelError
from frame_protocol.model_package import Sampling, SelfTest
from frame_protocol.updates import HealthFigures

PICTURE_FRAMES = 25
WIDTH, HEIGHT = 1280, 720


def run_self_test(model_dir: Path) -> HealthFigures:
    """Return what was measured; raises ModelError when the package does not do what its manifest promises."""
    model = package.load(model_dir)
    engine = Engine(model)
    expected = model.manifest.self_test
    tokens, openings = perform_reference(engine, model.path(expected.voice), limit=len(expected.tokens))
    agreement = _agreement(tokens, expected)
    error = _opening_error(openings, expected)
    first_frame_ms, fps = _draw(engine, model, expected)
    figures = HealthFigures(
        token_agreement=round(agreement, 4),
        opening_error_mm=round(error, 4),
        first_frame_ms=round(first_frame_ms, 1),
        fps=round(fps, 1),
    )
    judge(figures, expected)
    return figures


def perform_reference(
    engine: Engine, voice: Path, *, limit: int | None = None
) -> tuple[list[list[int]], list[float]]:
    """Return tokens and lip opening (mm, before the silence gate) of a voice: null prompt, likeliest tokens."""
    constants = engine.constants
    tokens, openings = [], []
    frames = engine.motion.speak(load_voice(voice).samples, engine.motion.null_prompt(), Sampling(temperature=0.0))
    for index, frame in enumerate(frames):
        if index == limit:
            break
        tokens.append(frame.tokens)
        openings.append(canonical.map_opening(frame.motion, constants.points, constants.extent))
    return tokens, openings


def judge(figures: HealthFigures, expected: SelfTest) -> None:
    """Raise ModelError, with both figures, when a figure is beyond the manifest's limit."""
    if figures.token_agreement is None or figures.token_agreement < expected.min_token_agreement:
        raise ModelError(
            f"{figures.token_agreement} of the tokens are as expected, "
            f"at least {expected.min_token_agreement} must be; the model is not used"
        )
    if figures.opening_error_mm is None or figures.opening_error_mm > expected.max_opening_error_mm:
        raise ModelError(
            f"the lip opening is {figures.opening_error_mm} mm off, "
            f"at most {expected.max_opening_error_mm} mm is allowed; the model is not used"
        )


def _agreement(tokens: list[list[int]], expected: SelfTest) -> float:
    if not expected.tokens or len(tokens) != len(expected.tokens):
        return 0.0
    return float(np.mean(np.array(tokens) == np.array(expected.tokens)))


def _opening_error(openings: list[float], expected: SelfTest) -> float:
    if len(openings) != len(expected.opening_mm):
        raise ModelError(f"{len(openings)} frames came out, the manifest has {len(expected.opening_mm)} openings")
    return float(np.mean(np.abs(np.array(openings) - np.array(expected.opening_mm)))) if openings else 0.0


def _draw(engine: Engine, model: package.ModelPackage, expected: SelfTest) -> tuple[float, float]:
    """Draw the reference photo speaking; return milliseconds to the first frame, and frames per second."""
    portrait = engine.reader.read(load_photo(model.path(expected.photo)), WIDTH, HEIGHT)
    warp = engine.warp(portrait)
    prompt = engine.motion.prompt(portrait.prompt, portrait.rest_opening_mm, portrait.rest_width_mm)
    begin = time.perf_counter()
    samples = load_voice(model.path(expected.voice)).samples
    first, drawn = 0.0, 0
    for frame in engine.motion.speak(samples, prompt, engine.manifest.sampling):
        warp.draw(frame.motion, tongue=frame.tongue)
        drawn += 1
        first = first or time.perf_counter() - begin
        if drawn == PICTURE_FRAMES:
            break
    return first * 1000, drawn / (time.perf_counter() - begin)
