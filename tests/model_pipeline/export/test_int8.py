"""INT8 weights: small error, stable round trip, one hash."""

import numpy as np
import pytest
import torch

from model_pipeline.errors import WeightsUnusable
from model_pipeline.export import int8
from model_pipeline.models.config import NANO, TINY
from model_pipeline.models.nano import Nano


def test_a_round_trip_is_off_by_at_most_half_a_step():
    weight = np.random.default_rng(0).normal(size=(6, 40)).astype(np.float32)
    q, scale = int8.quantise(weight)
    assert q.dtype == np.int8
    assert np.abs(int8.dequantise(q, scale) - weight).max() <= scale.max() / 2 + 1e-6


def test_quantising_dequantised_weights_changes_nothing():
    torch.manual_seed(0)
    first = int8.tensors_of(Nano(TINY))
    again = int8.tensors_of(int8.model_of(first, TINY))
    assert int8.integer_hash(first) == int8.integer_hash(again)
    assert first.keys() == again.keys()


def test_weights_of_another_size_are_refused_with_the_reason():
    with pytest.raises(WeightsUnusable, match="do not fit a nano model"):
        int8.model_of(int8.tensors_of(Nano(TINY)), NANO)
