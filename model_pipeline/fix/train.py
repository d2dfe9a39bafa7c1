"""The short training run of a fix: seeded, bounded in time, stopped early, the best state kept.

The state before the first step is no candidate: whether the best of the others is worth sending, the verdict decides.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.utils import parametrize

from frame_protocol.model_package import Sampling
from model_pipeline.fix.examples import Batch, Example, Origin, PromptKind, batch_of
from model_pipeline.fix.lora import Int8Weight, IntegerLora, attach, parameters
from model_pipeline.fix.objective import (
    CLOSED_MM,
    REST_MM,
    SoftMouth,
    Weights,
    divergence,
    level_cost,
    manner_cost,
    shape_cost,
    shut,
    token_cost,
)
from model_pipeline.models.nano import Nano
from model_pipeline.models.spacetime import Prompt
from model_pipeline.training.losses import targets

THREADS = 1
"""Two threads save a third of the time on an idle machine; where another program runs they wait for each other, and a
step took 12 s instead of 0.7 (measured on two cores)."""


@dataclass(frozen=True)
class Settings:
    """A fix's training run."""

    rank: int = 8
    steps: int = 120
    seconds: float = 90.0
    """Whichever ends first; 120 steps take about 60 s."""
    batch: int = 2
    """Examples of each origin in a step."""
    learning_rate: float = 0.02
    """In steps of the INT8 weight: factors must move by about one to be felt."""
    warm_up: int = 15
    clip: float = 1.0
    check_every: int = 20
    patience: int = 4
    """Checks without a better validation figure after which training stops."""
    seed: int = 0
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True)
class Progress:
    """One check on the held-out examples."""

    step: int
    seconds: float
    validation: float
    parts: dict[str, float]


@dataclass(frozen=True)
class Trained:
    """Factors in steps of the INT8 weight, by tensor name, and how the training went."""

    factors: dict[str, tuple[np.ndarray, np.ndarray]]
    """up [out,rank], down [rank,in]"""
    history: list[Progress]
    best: Progress
    steps: int


@dataclass(frozen=True)
class PromptTokens:
    """What the visual prompt says, before the layers that are trained turn it into keys and values."""

    tokens: torch.Tensor
    """[1,D,1,P]"""
    bias: float

    def prompt(self, model: Nano, batch: int) -> Prompt:
        """Return keys and values for a batch, made anew in each step."""
        return model.spacetime.prompt(self.tokens.expand(batch, -1, -1, -1), self.bias)


def train(
    model: Nano,
    base: Mapping[str, Int8Weight],
    *,
    training: Sequence[Example],
    held_out: Sequence[Example],
    prompts: Mapping[PromptKind, PromptTokens],
    sampling: Sampling,
    settings: Settings,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Trained:
    """Train a LoRA on ``base`` in place of the model's weights; the model is left with the last state."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(settings.seed)
    model.eval()
    to_train, to_check = (_answered(model, examples, prompts) for examples in (training, held_out))
    loras = attach(model, base, settings.rank, settings.seed)
    mouths = _Mouths(SoftMouth(model, sampling), SoftMouth(model, sampling, width=True))
    return _Run(model, loras, mouths, prompts, settings).go(to_train, to_check, report)


class _Group(NamedTuple):
    """Examples that can share a batch."""

    origin: Origin
    prompt: PromptKind


@dataclass(frozen=True)
class _Answered:
    """An example and what the installed base says to it."""

    example: Example
    logits: torch.Tensor


_Groups = dict[_Group, list[_Answered]]


@torch.no_grad()
def _answered(model: Nano, examples: Sequence[Example], prompts: Mapping[PromptKind, PromptTokens]) -> _Groups:
    """Ask the installed base once for each example, before training."""
    groups: _Groups = {}
    for example in examples:
        batch = batch_of([example])
        logits = model.logits(batch.mel, batch.feedback, prompts[example.prompt].prompt(model, 1))[0]
        groups.setdefault(_Group(example.origin, example.prompt), []).append(_Answered(example, logits))
    return groups


class _Mouths(NamedTuple):
    """The two figures of a mouth."""

    opening: SoftMouth
    width: SoftMouth


class _Run:
    """Steps, checks, and the best state so far."""

    def __init__(
        self,
        model: Nano,
        loras: dict[str, IntegerLora],
        mouths: _Mouths,
        prompts: Mapping[PromptKind, PromptTokens],
        settings: Settings,
    ) -> None:
        self._model, self._loras, self._mouths, self._prompts, self._settings = (
            model,
            loras,
            mouths,
            prompts,
            settings,
        )
        self._optimiser = torch.optim.AdamW(parameters(loras), lr=settings.learning_rate, weight_decay=0.0)
        self._random = np.random.default_rng(settings.seed)

    def go(self, training: _Groups, held_out: _Groups, report: Callable[[Progress], None]) -> Trained:
        settings, started = self._settings, time.monotonic()
        history = [self._check(0, started, held_out)]
        report(history[0])
        best, kept = history[0], self._state()
        step = 0
        for step in range(1, settings.steps + 1):
            self._step(step, training)
            out_of_time = time.monotonic() - started > settings.seconds
            if step % settings.check_every == 0 or out_of_time or step == settings.steps:
                history.append(self._check(step, started, held_out))
                report(history[-1])
                if best.step == 0 or history[-1].validation < best.validation:
                    best, kept = history[-1], self._state()
                late = (step - best.step) // settings.check_every
                if out_of_time or late >= settings.patience:
                    break
        return Trained(kept, history, best, step)

    def _state(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        return {
            name: (lora.up.detach().numpy().copy(), lora.down.detach().numpy().copy())
            for name, lora in self._loras.items()
        }

    def _step(self, step: int, training: _Groups) -> None:
        settings = self._settings
        progress = step / (settings.steps + 1)
        rate = settings.learning_rate * min(1.0, step / settings.warm_up) * 0.5 * (1 + np.cos(np.pi * progress))
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad()
        with parametrize.cached():  # the merged weights are the same for all batches of a step
            costs = [
                cost
                for group, batch, answers in self._draw(training)
                for cost in self._costs(group, batch, answers).values()
            ]
            torch.stack(costs).sum().backward()
        torch.nn.utils.clip_grad_norm_(list(parameters(self._loras)), settings.clip)
        self._optimiser.step()

    def _draw(self, training: _Groups) -> Iterator[tuple[_Group, Batch, torch.Tensor]]:
        """Yield one batch of each origin, its prompt by chance."""
        for origin in Origin:
            groups = [group for group in training if group.origin is origin]
            if groups:
                group = groups[int(self._random.integers(len(groups)))]
                items = training[group]
                chosen = [items[index] for index in self._random.integers(len(items), size=self._settings.batch)]
                yield group, *_stacked(chosen)

    def _costs(self, group: _Group, batch: Batch, answers: torch.Tensor) -> dict[str, torch.Tensor]:
        weights = self._settings.weights
        prompt = self._prompts[group.prompt].prompt(self._model, len(batch.mel))
        logits = self._model.logits(batch.mel, batch.feedback, prompt)
        valid = batch.valid.float()
        away = 1.0 - batch.weight if group.origin is Origin.FAILING else batch.weight
        costs = {"manner": weights.manner * manner_cost(self._mouths.opening, logits, answers, valid)}
        if group.origin is not Origin.REPLAY:
            closed = shut(self._mouths.opening, logits, batch.closed & batch.valid, CLOSED_MM)
            still = shut(self._mouths.opening, logits, batch.still & batch.valid, REST_MM)
            costs["closure"], costs["silence"] = weights.closure * closed, weights.silence * still
            costs["elsewhere"] = weights.elsewhere * divergence(logits, answers, away * valid)
        else:
            costs["replay"] = weights.replay * divergence(logits, answers, valid)
            costs["level"] = weights.level * level_cost(self._mouths.opening, logits, answers, batch.closed, valid)
            costs["width"] = weights.manner * manner_cost(self._mouths.width, logits, answers, valid)
        if group.origin is not Origin.REPLAY:  # of the complaint's motion is known where lips are shut: there it is 0
            soft = targets(self._model, batch.motion)[1]
            known = batch.weight * valid if group.origin is Origin.FAILING else (batch.closed & batch.valid).float()
            costs["tokens"] = weights.tokens * token_cost(logits, soft, known)
        if group.origin is Origin.FAILING:
            shapes = (shape_cost(mouth, logits, batch.motion, valid) for mouth in self._mouths)
            costs["opening"] = weights.opening * torch.stack(list(shapes)).sum()
        return costs

    @torch.no_grad()
    def _check(self, step: int, started: float, held_out: _Groups) -> Progress:
        parts: dict[str, float] = {}
        for group, items in held_out.items():
            for name, cost in self._costs(group, *_stacked(items)).items():
                key = f"{group.origin.value} {name}"
                parts[key] = parts.get(key, 0.0) + float(cost)
        return Progress(step, time.monotonic() - started, sum(parts.values()), parts)


def _stacked(items: Sequence[_Answered]) -> tuple[Batch, torch.Tensor]:
    return batch_of([item.example for item in items]), torch.stack([item.logits for item in items])
