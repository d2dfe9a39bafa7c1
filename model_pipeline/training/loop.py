"""The resumable loop: every step depends on seed, stage and step alone; a checkpoint replaces the last atomically.

After kill -9 the same command goes on from the last checkpoint and ends with the same weights. Rate, precision,
accumulation, clipping and checkpointing come from ``Settings``; a checkpoint of other settings is refused.
"""

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from model_pipeline.errors import WeightsUnusable
from model_pipeline.training.averaged import Averaged
from model_pipeline.training.checkpointing import checkpointed
from model_pipeline.training.settings import FLOAT32, NANO, PRECISIONS, Settings

CHECKPOINT = "checkpoint.pt"
CURVES = "curves.json"
SAVE_EVERY_S = 20.0

Figures = Mapping[str, float]


class Watcher(Protocol):
    """Whoever shows progress."""

    def stage(self, name: str, steps: int, done: int) -> None:
        """A stage begins, or goes on, at step ``done``."""
        ...

    def step(self, name: str, done: int, figures: Figures) -> None:
        """A step is done."""
        ...


class Silent:
    """Shows nothing."""

    def stage(self, name: str, steps: int, done: int) -> None:
        """Show nothing."""

    def step(self, name: str, done: int, figures: Figures) -> None:
        """Show nothing."""


@dataclass
class Stage:
    """One part of a training: what is trained, how long, and what one step computes."""

    name: str
    steps: int
    rate: float
    parameters: Sequence[nn.Parameter]
    loss: Callable[[int, torch.Generator], tuple[torch.Tensor, dict[str, float]]]
    """Number of the micro-batch (of the step, where nothing is accumulated) and dice -> loss and figures."""
    after: Callable[[int, torch.Generator], None] = field(default=lambda step, generator: None)
    """Called after the optimiser's step."""
    average: float = 0.0
    """Above 0 the stage ends with the moving average of its weights under this decay (Polyak and Juditsky, 1992)."""


@dataclass
class Run:
    """A training in a folder: what has been done, and the curves so far."""

    out: Path | None
    model: nn.Module
    seed: int = 0
    watcher: Watcher = field(default_factory=Silent)
    save_every_s: float = SAVE_EVERY_S
    settings: Settings = NANO
    finished: list[str] = field(default_factory=list)
    curves: list[dict[str, float | str]] = field(default_factory=list)
    _resume: dict[str, Any] | None = None
    _saved_at: float = field(default_factory=time.monotonic)

    def resume(self) -> bool:
        """Load the checkpoint of the folder, if there is one; WeightsUnusable when it is of other settings."""
        path = self.out / CHECKPOINT if self.out else None
        if path is None or not path.is_file():
            return False
        state = torch.load(path, weights_only=True)
        began = state.get("settings", NANO.as_state())
        if began != self.settings.as_state():
            other = {name: value for name, value in began.items() if value != self.settings.as_state().get(name)}
            raise WeightsUnusable(
                f"{path} was begun with {other}; go on with those settings, or train into another folder"
            )
        self.model.load_state_dict(state["model"])
        self.finished, self.curves = list(state["finished"]), list(state["curves"])
        self._resume = state
        return True

    def train(self, stage: Stage) -> None:
        """Run a stage, or what is left of it."""
        if stage.name in self.finished:
            return
        optimiser = torch.optim.AdamW(stage.parameters, lr=self._rate(stage), betas=(0.9, 0.98), weight_decay=0.01)
        averaged = Averaged(stage.parameters, stage.average)
        done = self._restore(stage, optimiser, averaged)
        self.watcher.stage(stage.name, stage.steps, done)
        for step in range(done, stage.steps):
            figures = self._step(stage, optimiser, step)
            averaged.follow(step)
            self.curves.append({"stage": stage.name, "step": step, **figures})
            self.watcher.step(stage.name, step + 1, figures)
            if time.monotonic() - self._saved_at > self.save_every_s:
                self._save(stage.name, step + 1, optimiser, averaged)
        averaged.adopt()
        self.finished.append(stage.name)
        self._save("", 0)

    def _rate(self, stage: Stage) -> float:
        return stage.rate if self.settings.rate is None else self.settings.rate

    def _step(self, stage: Stage, optimiser: torch.optim.Optimizer, step: int) -> dict[str, float]:
        generator = torch.Generator().manual_seed(_seed_of(self.seed, stage.name, step))
        for group in optimiser.param_groups:
            group["lr"] = self._rate(stage) * schedule(step, stage.steps, self.settings)
        optimiser.zero_grad(set_to_none=True)
        parts = [self._micro_step(stage, step, part, generator) for part in range(self.settings.accumulate)]
        nn.utils.clip_grad_norm_(stage.parameters, self.settings.clip)
        optimiser.step()
        stage.after(step, generator)
        return {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}

    def _micro_step(self, stage: Stage, step: int, part: int, generator: torch.Generator) -> dict[str, float]:
        """Add the gradient of one micro-batch; the draws of the dice go on from one to the next."""
        low = self.settings.precision != FLOAT32
        with checkpointed(self.model, on=self.settings.checkpointing):
            with torch.autocast("cpu", dtype=PRECISIONS[self.settings.precision] if low else None, enabled=low):
                loss, figures = stage.loss(step * self.settings.accumulate + part, generator)
            (loss / self.settings.accumulate).backward()
        return {"loss": float(loss.detach()), **figures}

    def _restore(self, stage: Stage, optimiser: torch.optim.Optimizer, averaged: Averaged) -> int:
        state = self._resume
        if state is None or state["stage"] != stage.name:
            return 0
        optimiser.load_state_dict(state["optimiser"])
        averaged.load(state["averaged"])
        return int(state["step"])

    def _save(
        self, stage: str, step: int, optimiser: torch.optim.Optimizer | None = None, averaged: Averaged | None = None
    ) -> None:
        self._saved_at = time.monotonic()
        if self.out is None:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(), "stage": stage, "step": step, "finished": self.finished,
            "curves": self.curves, "optimiser": optimiser.state_dict() if optimiser else None,
            "averaged": averaged.values if averaged else [], "settings": self.settings.as_state(),
        }  # fmt: skip
        part = self.out / f"{CHECKPOINT}.part"
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.out / CHECKPOINT)
        (self.out / CURVES).write_text(json.dumps(self.curves))


def schedule(step: int, steps: int, settings: Settings) -> float:
    """Return the share of the peak rate at ``step``: warm up, then a cosine."""
    warm = min(1.0, (step + 1) / min(settings.warm_up, max(1, steps // 10)))
    return warm * (settings.floor + (1 - settings.floor) * 0.5 * (1 + math.cos(math.pi * step / steps)))


def _seed_of(seed: int, stage: str, step: int) -> int:
    return (seed * 1_000_003 + sum(ord(c) * 31**i for i, c in enumerate(stage)) * 7919 + step * 104_729) % (2**63)
