"""The stored curve of a short training: a change of data, losses or steps is noticed, a change of machine is not."""

import json
from dataclasses import replace

import pytest

from model_pipeline.training import pool, stages
from model_pipeline.training.losses import LossWeights
from model_pipeline.training.settings import NANO
from tests.support import loss_curve

TOLERANCE = 5e-3
"""Relative; over these steps AVX-512, AVX2 and plain instructions differ by 2e-4."""
AGAIN = "if the change is wanted: python -m tests.support.loss_curve, and say why in the commit"


def differences(curve: loss_curve.Curve) -> list[str]:
    """Return where ``curve`` leaves the stored one."""
    stored = json.loads(loss_curve.STORED.read_text(encoding="utf-8"))
    if [entry.keys() for entry in stored] != [entry.keys() for entry in curve]:
        return ["other stages, steps or figures"]
    return [
        f"{old['stage']} step {old['step']} {name}: {old[name]} was stored, {new[name]} came"
        for old, new in zip(stored, curve, strict=True)
        for name in old
        if new[name]
        != (old[name] if isinstance(old[name], str) else pytest.approx(old[name], rel=TOLERANCE, abs=1e-4))
    ]


def test_the_losses_are_those_stored():
    found = differences(loss_curve.curve())
    assert found == [], f"{found[0]} ({len(found)} in all); {AGAIN}"


def test_another_loss_weight_is_noticed(monkeypatch):
    monkeypatch.setattr(stages, "LossWeights", lambda **given: LossWeights(**{"silence": 0.15, **given}))
    assert differences(loss_curve.curve())


def test_other_data_is_noticed(monkeypatch):
    monkeypatch.setattr(pool, "MASK_MELS", 16)
    assert differences(loss_curve.curve())


def test_another_way_to_step_is_noticed():
    assert differences(loss_curve.curve(replace(NANO, rate=1e-3)))
