"""A package is what docs/protocol.md promises, and the same bytes every time."""

import numpy as np

from device_agent.engine import archive, package
from frame_protocol.model_package import ModelManifest
from model_pipeline.export import int8
from model_pipeline.export.package import WEIGHTS_DIR, build_directory, run_self_test, write_tar
from model_pipeline.models.config import TINY


def test_two_builds_of_the_same_weights_are_the_same_bytes(tiny_package, tmp_path):
    build_directory(tiny_package.tensors, "card", tmp_path / "again", TINY)
    for number, folder in enumerate((tiny_package.folder, tmp_path / "again")):
        write_tar(folder, tmp_path / f"{number}.lfm")
    assert (tmp_path / "0.lfm").read_bytes() == (tmp_path / "1.lfm").read_bytes()


def test_a_frame_unpacks_and_verifies_the_package(tiny_package, tmp_path):
    write_tar(tiny_package.folder, tmp_path / "model.lfm")
    manifest = archive.extract(tmp_path / "model.lfm", tmp_path / "slot", ModelManifest)
    assert manifest.model_id == f"tiny-{manifest.weights_sha256[:12]}"
    constants = package.ModelPackage(tmp_path / "slot", manifest).constants()
    assert constants.codebook.shape == (TINY.codebook_size, TINY.code_dim)


def test_the_reference_is_what_the_package_does_again(tiny_package):
    folder, manifest, _ = tiny_package
    again = run_self_test(folder, manifest)
    assert again.tokens == manifest.self_test.tokens
    assert np.allclose(again.opening_mm, manifest.self_test.opening_mm, atol=1e-3)


def test_the_weights_that_ship_load_and_stay_small():
    model = int8.load_model(WEIGHTS_DIR / "weights.safetensors")
    assert sum(p.numel() for p in model.parameters()) > 1_000_000
    assert sum(path.stat().st_size for path in WEIGHTS_DIR.iterdir()) < 10_000_000
