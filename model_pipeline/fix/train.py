"""The short training run of a fix: seeded, bounded in time, stopped early, the best state kept."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from model_pipeline.fix.examples import Batch, Example, Origin, batch_of
from model_pipeline.fix.lora import Int8Weight, IntegerLora, attach, parameters
from model_pipeline.fix.objective import CLOSED_MM, REST_MM, SoftMouth, Weights, divergence, shut, token_cost
from model_pipeline.models.nano import Nano
from model_pipeline.models.spacetime import Prompt


@dataclass(frozen=True)
class Settings:
    """A fix's training run."""

    rank: int = 8
    steps: int = 400
    seconds: float = 60.0
    """Whichever ends first."""
    batch: int = 4
    """Examples of each origin in a step."""
    learning_rate: float = 0.02
    """In steps of the INT8 weight: factors must move by about one to be felt."""
    warm_up: int = 20
    clip: float = 1.0
    check_every: int = 25
    patience: int = 6
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


PromptMaker = Callable[[Nano], Prompt]
"""Prompts go through the layers that are trained, so they are made anew in each step."""


def train(
    model: Nano,
    base: Mapping[str, Int8Weight],
    *,
    training: Mapping[Origin, Sequence[Example]],
    held_out: Mapping[Origin, Sequence[Example]],
    prompt: PromptMaker,
    temperature: float,
    settings: Settings,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Trained:
    """Train a LoRA on ``base`` in place of the model's weights; the model is left with the last state."""
    torch.manual_seed(settings.seed)
    model.eval()
    teacher = _Teacher(model, prompt)
    answered = teacher.answers({"train": training, "check": held_out})
    loras = attach(model, base, settings.rank, settings.seed)
    run = _Run(model, loras, SoftMouth(model, temperature), prompt, settings)
    return run.go(answered["train"], answered["check"], report)


@dataclass(frozen=True)
class _Answered:
    """A batch or example and what the installed base says to it."""

    example: Example
    logits: torch.Tensor


class _Teacher:
    """The installed base, asked once for each example before training."""

    def __init__(self, model: Nano, prompt: PromptMaker) -> None:
        self._model, self._prompt = model, prompt

    @torch.no_grad()
    def answers(
        self, sets: Mapping[str, Mapping[Origin, Sequence[Example]]]
    ) -> dict[str, dict[Origin, list[_Answered]]]:
        return {
            name: {origin: [self._answer(item) for item in items] for origin, items in group.items()}
            for name, group in sets.items()
        }

    def _answer(self, example: Example) -> _Answered:
        batch = batch_of([example])
        return _Answered(example, self._model.logits(batch.mel, batch.feedback, self._prompt(self._model))[0])


class _Run:
    """Steps, checks, and the best state so far."""

    def __init__(
        self, model: Nano, loras: dict[str, IntegerLora], mouth: SoftMouth, prompt: PromptMaker, settings: Settings
    ) -> None:
        self._model, self._loras, self._mouth, self._prompt, self._settings = model, loras, mouth, prompt, settings
        self._optimiser = torch.optim.AdamW(parameters(loras), lr=settings.learning_rate, weight_decay=0.0)
        self._random = np.random.default_rng(settings.seed)

    def go(
        self,
        training: Mapping[Origin, list[_Answered]],
        held_out: Mapping[Origin, list[_Answered]],
        report: Callable[[Progress], None],
    ) -> Trained:
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
                if history[-1].validation < best.validation:
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

    def _step(self, step: int, training: Mapping[Origin, list[_Answered]]) -> None:
        settings = self._settings
        progress = step / settings.steps
        rate = settings.learning_rate * min(1.0, step / settings.warm_up) * 0.5 * (1 + np.cos(np.pi * progress))
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad()
        for batch, answers in self._draw(training):
            sum(self._costs(batch, answers).values()).backward()
        torch.nn.utils.clip_grad_norm_(list(parameters(self._loras)), settings.clip)
        self._optimiser.step()

    def _draw(self, training: Mapping[Origin, list[_Answered]]) -> Iterator[tuple[Batch, torch.Tensor]]:
        for items in training.values():
            if items:
                chosen = [items[index] for index in self._random.integers(len(items), size=self._settings.batch)]
                yield _stacked(chosen)

    def _costs(self, batch: Batch, answers: torch.Tensor) -> dict[str, torch.Tensor]:
        weights = self._settings.weights
        logits = self._model.logits(batch.mel, batch.feedback, self._prompt(self._model))
        valid = batch.valid.float()
        closed = shut(self._mouth, logits, batch.closed & batch.valid, CLOSED_MM)
        still = shut(self._mouth, logits, batch.still & batch.valid, REST_MM)
        costs = {"closure": weights.closure * closed, "silence": weights.silence * still}
        if batch.origin is Origin.FAILING:
            costs["tokens"] = weights.tokens * token_cost(logits, batch.tokens, batch.weight * valid)
        elif batch.origin is Origin.REPLAY:
            costs["replay tokens"] = weights.replay_tokens * token_cost(logits, batch.tokens, batch.weight * valid)
            costs["replay"] = weights.replay * divergence(logits, answers, valid)
            del costs["closure"], costs["silence"]
        else:
            costs["elsewhere"] = weights.elsewhere * divergence(logits, answers, batch.weight * valid)
        return costs

    @torch.no_grad()
    def _check(self, step: int, started: float, held_out: Mapping[Origin, list[_Answered]]) -> Progress:
        parts: dict[str, float] = {}
        for origin, items in held_out.items():
            for name, cost in (self._costs(*_stacked(items)) if items else {}).items():
                parts[f"{origin.value} {name}"] = round(float(cost), 4)
        return Progress(step, time.monotonic() - started, sum(parts.values()), parts)


def _stacked(items: Sequence[_Answered]) -> tuple[Batch, torch.Tensor]:
    return batch_of([item.example for item in items]), torch.stack([item.logits for item in items])
