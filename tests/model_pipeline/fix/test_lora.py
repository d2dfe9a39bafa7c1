"""What is trained on INT8 weights is what a frame merges."""

import numpy as np
import pytest
import torch

from device_agent.update.merge import merge_rows
from model_pipeline.fix.factors import quantise_factors
from model_pipeline.fix.lora import Int8Weight, attach, parameters
from model_pipeline.models.layers import Pointwise

OUT, IN, RANK = 24, 16, 4


@pytest.fixture
def base():
    rng = np.random.default_rng(1)
    return Int8Weight(
        rng.integers(-127, 128, (OUT, IN)).astype(np.int8), rng.uniform(0.001, 0.01, OUT).astype(np.float32)
    )


@pytest.fixture
def layer(base):
    network = torch.nn.Sequential(Pointwise(IN, OUT))
    loras = attach(network, {"0.weight": base}, RANK, seed=7)
    return network, loras


def test_before_training_the_network_is_the_installed_base(base, layer):
    network, _ = layer
    assert np.allclose(network[0].weight.detach().numpy(), base.q * base.scale[:, None])


def test_only_the_factors_are_trained(layer):
    network, loras = layer
    trained = {id(parameter) for parameter in network.parameters() if parameter.requires_grad}
    assert trained == {id(parameter) for parameter in parameters(loras)}


def test_updates_below_half_a_step_still_learn(layer):
    network, loras = layer
    network(torch.ones(1, IN, 1, 3)).square().sum().backward()
    assert loras["0.weight"].up.grad.abs().sum() > 0


def test_the_trained_weight_is_the_merged_weight(base, layer):
    network, loras = layer
    with torch.no_grad():
        loras["0.weight"].up.normal_(0, 1.5, generator=torch.Generator().manual_seed(2))
    lora = loras["0.weight"]
    factors = quantise_factors(lora.up.detach().numpy(), lora.down.detach().numpy())
    merged = np.concatenate(list(merge_rows(base.q, factors))) * base.scale[:, None]
    trained = network[0].weight.detach().numpy()
    steps = np.abs(merged - trained) / base.scale[:, None]
    assert steps.max() < 1.01
    assert np.mean(steps > 0.5) < 0.05
