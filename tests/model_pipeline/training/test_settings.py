"""What the settings of a training do to its steps."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from model_pipeline.models.config import TINY
from model_pipeline.models.nano import Nano
from model_pipeline.training.checkpointing import checkpointed
from model_pipeline.training.loop import Run, Stage, schedule
from model_pipeline.training.settings import BRIEF, NANO, Settings
from model_pipeline.training.stages import Sizes, batched


def linear_run(settings: Settings, rows: torch.Tensor) -> nn.Linear:
    """Three steps of a linear layer towards 1 on ``rows``, one micro-batch after the other."""
    torch.manual_seed(0)
    layer = nn.Linear(4, 1)

    def loss(step, _):
        part = rows.chunk(settings.accumulate)[step % settings.accumulate]
        return (layer(part) - 1).square().mean(), {}

    Run(None, Nano(TINY), settings=settings).train(Stage("line", 3, 1e-2, list(layer.parameters()), loss))
    return layer


def test_accumulated_micro_batches_step_as_their_whole_batch():
    rows = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))
    whole, parts = linear_run(NANO, rows), linear_run(replace(NANO, accumulate=4), rows)
    assert torch.allclose(whole.weight, parts.weight, atol=1e-6)


def test_no_step_follows_a_gradient_above_the_clip():
    seen = []
    weight = nn.Parameter(torch.zeros(3))

    def after(step, generator):
        seen.append(float(weight.grad.norm()))

    stage = Stage("steep", 2, 1e-3, [weight], lambda step, _: ((weight * 1e3).sum(), {}), after)
    Run(None, Nano(TINY), settings=NANO).train(stage)
    assert seen == pytest.approx([NANO.clip] * 2, rel=1e-4)


def test_the_rate_warms_up_and_falls_along_a_cosine_to_its_floor():
    rates = [BRIEF.rate * schedule(step, 1000, BRIEF) for step in range(1000)]
    assert rates[0] == pytest.approx(2e-4 / BRIEF.warm_up, rel=1e-3)
    assert max(rates) == pytest.approx(2e-4, rel=0.01) and rates.index(max(rates)) == BRIEF.warm_up - 1
    assert rates[500] == pytest.approx(2e-4 * (1 + BRIEF.floor) / 2, rel=0.01)
    assert rates[-1] == pytest.approx(2e-4 * BRIEF.floor, rel=0.01)


def test_the_settings_of_the_brief_are_the_makers():
    assert (BRIEF.precision, BRIEF.rate, BRIEF.accumulate, BRIEF.batch, BRIEF.clip) == (
        "bfloat16", 2e-4, 8, 1024, 1.0,
    )  # fmt: skip
    assert BRIEF.checkpointing and BRIEF.micro_batch == 128
    sizes = batched(Sizes(), BRIEF.micro_batch)
    assert sizes.pretrain_batch == sizes.tune_real + sizes.tune_synthetic == sizes.photo_batch == 128


def test_the_usual_settings_change_no_size_and_no_rate():
    assert batched(Sizes(), NANO.micro_batch) == Sizes()
    assert NANO.rate is None and NANO.precision == "float32" and not NANO.checkpointing


def test_unknown_settings_are_refused_with_what_is_expected():
    with pytest.raises(ValueError, match="float32, bfloat16"):
        Settings(precision="float16")
    with pytest.raises(ValueError, match="1 or more"):
        Settings(accumulate=0)


def gradients(model: Nano, *, on: bool, settings: Settings = NANO) -> tuple[list[torch.Tensor], int]:
    """Gradients of a forward pass, and the bytes that autograd kept for them."""
    dice = torch.Generator().manual_seed(3)
    mel, past = torch.randn(2, 80, 80, generator=dice), torch.randn(2, 20, 4, 4, generator=dice)
    kept = 0

    def count(tensor):
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    model.zero_grad(set_to_none=True)
    low = settings.precision != "float32"
    with checkpointed(model, on=on), torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
            out = model.logits(mel, past, model.null_prompt(2))
        out.float().square().mean().backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None], kept


def test_checkpointing_keeps_less_than_half_and_changes_no_gradient():
    torch.manual_seed(0)
    model = Nano(TINY)
    plain, much = gradients(model, on=False)
    again, little = gradients(model, on=True)
    assert all(torch.equal(a, b) for a, b in zip(plain, again, strict=True))
    assert little < much / 2
    assert all("forward" not in module.__dict__ and "attend" not in module.__dict__ for module in model.modules())


def test_bf16_points_where_float32_points():
    torch.manual_seed(0)
    model = Nano(TINY)
    exact = torch.cat([g.flatten() for g in gradients(model, on=False)[0]])
    rough = torch.cat([g.flatten() for g in gradients(model, on=False, settings=BRIEF)[0]])
    assert rough.dtype == torch.float32
    assert float(nn.functional.cosine_similarity(exact, rough, dim=0)) > 0.99
