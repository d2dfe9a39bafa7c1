"""The repair network learns from rendered heads, survives a kill, and travels in a package beside the model."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from device_agent.engine import package
from device_agent.engine.loaded import Engine
from device_agent.engine.runtime.onnx import OnnxBackend
from frame_protocol.model_package import WEIGHTS
from model_pipeline.errors import WeightsUnusable
from model_pipeline.export import int8
from model_pipeline.export.package import WEIGHTS_DIR
from model_pipeline.export.parts import REPAIR
from model_pipeline.models.config import TINY
from model_pipeline.models.repair import RepairNet
from model_pipeline.repair import examples
from model_pipeline.repair.check import compare, open_network
from model_pipeline.repair.train import Material, train
from model_pipeline.training.loop import Silent

STEPS, DIES_AT = 12, 7
LARGEST_BYTES = 2_000_000


def mouths() -> Material:
    """Discs of chance tones whose truth is darker."""
    dice = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(48), torch.arange(64), indexing="ij")
    cover = (((rows - 22) / 8) ** 2 + ((columns - 32) / 20) ** 2 < 1).float().expand(8, 1, 48, 64)
    tones = torch.rand(8, 3, 1, 1, generator=dice) * cover
    return Material(torch.cat([tones, cover], 1), tones - 0.2 * cover)


class Dies(Silent):
    def step(self, name, done, figures):
        if done == DIES_AT:
            raise KeyboardInterrupt


def test_a_broken_off_training_goes_on_and_ends_with_the_same_weights(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(mouths(), tmp_path / "broken", Dies(), steps=STEPS, save_every_s=0.0)
    train(mouths(), tmp_path / "broken", Silent(), steps=STEPS, save_every_s=0.0)
    train(mouths(), tmp_path / "whole", Silent(), steps=STEPS)
    assert (tmp_path / "broken" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
    assert (tmp_path / "whole" / WEIGHTS).stat().st_size < LARGEST_BYTES


def test_a_training_does_not_go_on_with_another_length(tmp_path):
    train(mouths(), tmp_path, Silent(), steps=2)
    with pytest.raises(WeightsUnusable, match="of another length"):
        train(mouths(), tmp_path, Silent(), steps=3)


def test_training_brings_the_mouth_nearer_to_the_truth(tmp_path):
    given = mouths()
    net = train(given, tmp_path, Silent(), steps=60)
    with torch.no_grad():
        came = given.seen[:, :3] + net(given.seen) * given.seen[:, 3:]
    before, after = ((x - given.aim).abs().mean() for x in (given.seen[:, :3], came))
    assert after < 0.7 * before


def test_integers_are_read_as_they_were_written(tmp_path):
    net = RepairNet()
    REPAIR.save(net, tmp_path / WEIGHTS)
    again = REPAIR.net_of(REPAIR.load(tmp_path))
    assert again is not None
    for name, value in net.state_dict().items():
        assert torch.allclose(again.state_dict()[name], value, atol=float(value.abs().max()) / 100)
    with pytest.raises(WeightsUnusable, match="do not fit"):
        REPAIR.net_of({"repair.enter.bias": np.zeros(3, np.float32)})


@pytest.fixture(scope="module")
def both(tiny_package, tiny_full_package):
    """The same tiny model packed without and with a repair network, and that network."""
    two = (tiny_package, tiny_full_package)
    return [one.folder for one in two], [one.manifest for one in two], REPAIR.net_of(two[1].tensors)


def test_a_package_with_it_speaks_the_same_and_has_another_name(both):
    folders, (without, with_it), _ = both
    assert without.self_test == with_it.self_test
    assert without.weights_sha256 != with_it.weights_sha256
    assert "repair.onnx" not in without.files
    assert package.verify(folders[1]).files.keys() - without.files.keys() == {"repair.onnx", "tongue.onnx"}


def test_a_frame_computes_what_torch_computes(both):
    folders, _, net = both
    mouth = np.random.default_rng(0).normal(size=(1, 4, 48, 64)).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(mouth)).numpy()
    came = OnnxBackend(package.load(folders[1])).repair(mouth)
    assert np.abs(came - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_laboratory_reads_the_model_of_a_package_that_repairs(both):
    folders, _, _ = both
    models = [int8.load_model(folder / WEIGHTS, TINY).state_dict() for folder in folders]
    packed_names = {name.removesuffix(".q") for name in load_file(folders[0] / WEIGHTS)} & models[0].keys()
    assert len(packed_names) > 20
    assert all(torch.equal(models[0][name], models[1][name]) for name in packed_names)


def test_a_rendered_head_gives_what_the_engine_draws_beside_the_truth(shipped, tmp_path):
    maps = load_file(WEIGHTS_DIR / WEIGHTS)["lab.maps"]
    head = {"size": 256, "done": lambda: None}
    (one,) = examples.gather(lambda: Engine(package.load(shipped)), maps, tmp_path, range(1, 2), **head)
    (again,) = examples.gather(lambda: pytest.fail("drawn twice"), maps, tmp_path, range(1, 2), **head)
    assert all(np.array_equal(value, vars(again)[name]) for name, value in vars(one).items())
    assert one.drawn.shape == one.truth.shape == (4, *one.hollow.shape[1:], 3)
    assert one.missed_mm.max() < 1.0
    both = (one.hollow > 0.5) & one.inside
    either = (one.hollow > 0.5) | one.inside
    assert both.sum() > 0.6 * either.sum()
    net = RepairNet()
    with torch.no_grad():
        net.leave.weight.zero_()
    save_file(REPAIR.tensors_of(net), tmp_path / WEIGHTS)
    rows = compare(open_network(tmp_path)[0], [one])["all"]
    assert rows["drawn"] == rows["repaired"]
