"""Training of the repair network: nearer to the truth in the mean (L1), and not to be told from it (hinge loss).

Network and critic step together: the network sees the critic's weights as constants and the critic sees the network's
pictures as constants (Lim and Ye, arXiv:1705.02894, for the hinge), so one optimiser and one checkpoint hold all.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.func import functional_call
from torch.nn import functional

from device_agent.engine.warp.repair import CHANGE_LIMIT, cells
from frame_protocol.model_package import WEIGHTS
from model_pipeline.errors import DataMissing, WeightsUnusable
from model_pipeline.export.parts import REPAIR
from model_pipeline.models.repair import RepairNet, RepairTraining
from model_pipeline.repair.examples import Examples
from model_pipeline.training.loop import CHECKPOINT, SAVE_EVERY_S, Run, Stage, Watcher

SEED = 11
STEPS, BATCH, RATE, AVERAGE = 360, 16, 2e-3, 0.99
CRITIC_SHARE = 0.02
"""Weight of the critic's verdict beside L1."""
SHIFT_CELLS = 3
MATERIAL = "material.json"


@dataclass(frozen=True)
class Material:
    """N mouths in cells."""

    seen: torch.Tensor
    """[N,4,48,64]: what the network sees; its first channels are already times the cover."""
    aim: torch.Tensor
    """[N,3,48,64]: the same with the truth in place of what was drawn, where the truth shows the inside too."""


def material(examples: Sequence[Examples]) -> Material:
    """Return the mouths of all heads; raises DataMissing where there is none."""
    if not examples:
        raise DataMissing("no rendered head gave an example; ask for more with --heads")
    seen, aims = [], []
    for one in examples:
        for k, hollow16 in enumerate(one.hollow):
            hollow = hollow16.astype(np.float32)
            wanted = np.where(one.inside[k][..., None], one.truth[k], one.drawn[k])
            seen.append(cells(one.drawn[k], hollow, one.zero, one.unit))
            aims.append(cells(wanted, hollow, one.zero, one.unit)[:3])
    return Material(torch.from_numpy(np.stack(seen)), torch.from_numpy(np.stack(aims)))


def repaired(net: RepairNet, seen: torch.Tensor) -> torch.Tensor:
    """Return [B,3,48,64]: what is seen, changed as the engine changes it."""
    limit = torch.from_numpy(CHANGE_LIMIT).reshape(1, 3, 1, 1)
    change = torch.minimum(torch.maximum(net(seen), -limit), limit)
    return seen[:, :3] + change * seen[:, 3:]


def stage(both: RepairTraining, given: Material, steps: int = STEPS) -> Stage:
    """Return the one stage of this training."""

    def loss(_: int, dice: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        seen, aim = _draw(given, dice)
        cover = seen[:, 3:]
        came = repaired(both.net, seen)
        away = (came - aim).abs().sum() / (3 * cover.sum()).clamp_min(1.0)
        frozen = {name: value.detach() for name, value in both.critic.named_parameters()}
        believed = _mean(functional_call(both.critic, frozen, (torch.cat([came, cover], 1),)), cover)
        on_truth = both.critic(torch.cat([aim, cover], 1))
        on_ours = both.critic(torch.cat([came.detach(), cover], 1))
        told = _mean(functional.relu(1 - on_truth), cover) + _mean(functional.relu(1 + on_ours), cover)
        figures = {"l1": float(away.detach()), "critic": float(told.detach()), "believed": float(believed.detach())}
        return away - CRITIC_SHARE * believed + told, figures

    return Stage("repair", steps, RATE, list(both.parameters()), loss, average=AVERAGE)


def _draw(given: Material, dice: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw a batch, each mouth shifted by a few cells and mirrored by chance."""
    rows = torch.randint(len(given.seen), (BATCH,), generator=dice)
    both = torch.cat([given.seen[rows], given.aim[rows]], dim=1)
    shifts = torch.randint(-SHIFT_CELLS, SHIFT_CELLS + 1, (BATCH, 2), generator=dice).tolist()
    mirrored = (torch.rand(BATCH, generator=dice) < 0.5).tolist()
    moved = [torch.roll(one, shift, dims=(1, 2)) for one, shift in zip(both, shifts, strict=True)]
    both = torch.stack([one.flip(2) if flip else one for one, flip in zip(moved, mirrored, strict=True)])
    return both[:, :4], both[:, 4:]


def _mean(judged: torch.Tensor, cover: torch.Tensor) -> torch.Tensor:
    """Mean over patches, each counted by how much of the mouth's inside it shows."""
    weight = functional.adaptive_avg_pool2d(cover, judged.shape[-2:])
    return (judged * weight).sum() / weight.sum().clamp_min(1e-3)


def train(
    given: Material, out: Path, watcher: Watcher, *, steps: int = STEPS, save_every_s: float = SAVE_EVERY_S
) -> RepairNet:
    """Train, or go on, and write the INT8 weights to ``out``; raises WeightsUnusable where it was begun otherwise."""
    now = {"steps": steps, "mouths": len(given.seen), "sum": round(float(given.aim.double().sum()), 3)}
    note = out / MATERIAL
    if (out / CHECKPOINT).is_file() and note.is_file() and json.loads(note.read_text(encoding="utf-8")) != now:
        raise WeightsUnusable(
            f"{out} holds a training on other examples, or of another length; train into another folder, or remove "
            f"{out / CHECKPOINT} to begin anew"
        )
    out.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(now) + "\n", encoding="utf-8")
    torch.manual_seed(SEED)
    both = RepairTraining()
    run = Run(out, both, SEED, watcher, save_every_s=save_every_s)
    run.resume()
    run.train(stage(both, given, steps))
    REPAIR.save(both.net, out / WEIGHTS)
    return both.net
