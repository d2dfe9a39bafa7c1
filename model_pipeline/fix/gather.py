"""Gathers what a fix is trained on, and what decides when training stops."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from model_pipeline.data import visemes
from model_pipeline.data.samples import Controls
from model_pipeline.fix import texts
from model_pipeline.fix.examples import Example, PromptKind
from model_pipeline.fix.findings import Fault
from model_pipeline.fix.laboratory import own_controls, own_motion, own_style
from model_pipeline.fix.plan import Plan
from model_pipeline.fix.samples import ExampleMaker, OwnVoice, real_samples, replay_samples, speak
from model_pipeline.models.nano import Nano

SHAPE_SENTENCES = 5
"""So many ordinary sentences show which shapes the base makes for an opening and a width."""
HELD_OUT_SEED = 900_000
"""Seeds from here on are never trained with."""
GUARD_SEED = 2 * HELD_OUT_SEED
"""Seeds from here on neither train nor decide when training stops: the verdict's."""


class Said(NamedTuple):
    """What a model made of F frames of sound, as code vectors [F,T,K]."""

    shown: np.ndarray
    told: np.ndarray
    """What the next frame was told of it."""


@dataclass(frozen=True)
class Gatherer:
    """Makes the examples of one fix."""

    model: Nano
    said: Callable[[np.ndarray], Said]
    """What the installed base makes of 16 kHz audio [N]."""
    voice: OwnVoice
    faults: list[Fault]
    plan: Plan

    def examples(self) -> tuple[list[Example], list[Example]]:
        """Return what is trained on and what decides when to stop."""
        seed, amounts = self.plan.settings.seed, self.plan.amounts
        said = self.said(self.voice.audio)
        ordinary = [speak(text, seed) for text in texts.REPLAY[:SHAPE_SENTENCES]]
        moved = [own_motion(self.model, self.said(item.audio).shown) for item in ordinary]
        by_rule = np.concatenate([item.lips(visemes.Style()) for item in ordinary])
        controls = own_controls(self.model, np.concatenate([own_motion(self.model, said.shown), *moved]))
        maker = ExampleMaker(self.model, controls, own_style(self.model, np.concatenate(moved), by_rule))
        training = [*self._failing(maker, texts.texts_for(self.faults, amounts.failing, seed), seed)]
        training += self._replay(maker, controls, amounts.replay, seed)
        training += self._own_voice(maker, said.told, range(seed, seed + amounts.own_voice_pasts))
        held_out = [*self._failing(maker, texts.HELD_OUT[: amounts.held_out], HELD_OUT_SEED + seed)]
        held_out += self._replay(maker, controls, amounts.held_out, HELD_OUT_SEED + seed)
        held_out += self._own_voice(maker, said.told, [HELD_OUT_SEED + seed])
        return training, held_out

    def _failing(self, maker: ExampleMaker, sentences: Sequence[str], seed: int) -> Iterator[Example]:
        for index, text in enumerate(sentences):
            yield from maker.failing(text, seed + index, self.faults)

    def _replay(self, maker: ExampleMaker, controls: Controls, count: int, seed: int) -> Iterator[Example]:
        samples = list(replay_samples(count, seed, controls))
        if self.plan.data is not None and seed < HELD_OUT_SEED:
            samples += real_samples(self.model, self.plan.data)
        for index, sample in enumerate(samples):
            yield from maker.replay(sample, seed + index)

    def _own_voice(self, maker: ExampleMaker, told: np.ndarray, seeds: Iterable[int]) -> Iterator[Example]:
        for seed in seeds:
            yield from maker.own_voice(self.voice, told, PromptKind.PHOTO, seed)
