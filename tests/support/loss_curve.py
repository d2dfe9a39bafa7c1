"""A training of a few seconds whose losses are stored: what changes data, losses or steps shows as another curve.

After a wanted change: ``python -m tests.support.loss_curve`` writes the stored curve anew; say why in the commit.
"""

import json
from pathlib import Path

import numpy as np
import soundfile
import torch

from device_agent.engine import canonical, features
from model_pipeline.data import samples, visemes
from model_pipeline.data.samples import Sample, SpeakerMotion
from model_pipeline.data.speech import Phoneme
from model_pipeline.data.tracks import Track
from model_pipeline.data.visemes import Viseme
from model_pipeline.models.config import TINY
from model_pipeline.models.nano import Nano
from model_pipeline.training import stages
from model_pipeline.training.loop import Run
from model_pipeline.training.pool import Pool
from model_pipeline.training.settings import NANO, Settings
from model_pipeline.training.stages import Sizes

STORED = Path(__file__).parents[1] / "model_pipeline" / "training" / "loss_curve.json"
READER = Path("/usr/share/pocketsphinx/test/data/librivox")
RECORDINGS = ("sense_and_sensibility_01_austen_64kb-0870", "sense_and_sensibility_01_austen_64kb-0880")
SIZES = Sizes(
    frames=20, tokeniser_steps=5, pretrain_steps=10, pretrain_batch=4, tune_steps=6, tune_real=2, tune_synthetic=2
)
SOUNDS = ("m", "ɑ", "b", "i", "p", "u", "", "f", "ɔ", "s", "", "")
SOUND_S = 0.12
SEED = 0
Curve = list[dict[str, float | str]]


def curve(settings: Settings = NANO) -> Curve:
    """Train a tiny model on recordings whose mouths move by rule; return the figures of every step."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    model = small_model()
    motions = [motion_of(name, model) for name in RECORDINGS]
    real = [samples.real_sample(motion, np.random.default_rng(number)) for number, motion in enumerate(motions)]
    spoken = [spoken_sample(motion) for motion in motions]
    heard, ruled = Pool(real, SIZES.frames, SEED, balance=True), Pool(spoken, SIZES.frames, SEED, balance=False)
    run = Run(None, model, SEED, settings=settings)
    run.train(stages.tokeniser(model, motions, spoken, SIZES, SEED))
    run.train(stages.pretrain(model, ruled, SIZES, SEED))
    run.train(stages.tune(model, heard, ruled, SIZES, SEED))
    return [{name: value for name, value in entry.items() if name != "codes"} for entry in run.curves]


def small_model() -> Nano:
    """A tiny model with a made-up basis: unit i opens and widens the mouth by some millimetres."""
    model, dice = Nano(TINY), torch.Generator().manual_seed(SEED)
    model.points[canonical.UPPER_LIP_CENTRE] = torch.tensor([0.0, 60.0, 0.0])
    model.points[canonical.LOWER_LIP_CENTRE] = torch.tensor([0.0, 61.0, 0.0])
    model.maps.copy_(torch.randn(*model.maps.shape[:2], 1, 1, generator=dice).expand_as(model.maps))
    return model


def pulls(seconds: float) -> list[visemes.Pull]:
    """The same made-up sounds, over and over."""
    count = int(seconds / SOUND_S)
    return visemes.pulls([Phoneme(SOUNDS[i % len(SOUNDS)], i * SOUND_S, (i + 1) * SOUND_S) for i in range(count)])


def motion_of(name: str, model: Nano) -> SpeakerMotion:
    """A recording with the mouth that the rules give to the made-up sounds."""
    audio = soundfile.read(READER / f"{name}.wav", dtype="float32")[0]
    frames = features.frame_count(audio.size)
    lips = visemes.lips(pulls(audio.size / features.SAMPLE_RATE), frames) / 10.0
    spread = np.random.default_rng(SEED).normal(size=(2, model.maps.shape[0]))
    track = Track(name, name, "", audio, np.zeros((0, 478, 3), dtype=np.float32))
    return SpeakerMotion(track, (lips @ spread).astype(np.float32), 1.0)


def spoken_sample(source: SpeakerMotion) -> Sample:
    """The same with its closures and pauses marked."""
    sample = samples.real_sample(source)
    frames, items = len(sample.motion), pulls(source.track.audio.size / features.SAMPLE_RATE)
    closed = visemes.closures(items, frames)
    return Sample(sample.speaker, sample.mel, sample.motion, closed, visemes.frames_of(items, frames, Viseme.SILENCE))


def store(path: Path = STORED) -> None:
    """Write the curve as it is now."""
    rounded = [{k: v if isinstance(v, str) else round(float(v), 6) for k, v in entry.items()} for entry in curve()]
    lines = ",\n ".join(json.dumps(entry) for entry in rounded)
    path.write_text(f"[\n {lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    store()
