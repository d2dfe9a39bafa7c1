"""A complaint becomes a delta that a frame can merge, and the base stays as it was."""

import hashlib
import json

import numpy as np
import pytest
import soundfile

from device_agent.engine import archive, package
from device_agent.update.delta_format import read_factors
from device_agent.update.merge import merge_file
from frame_protocol.model_package import DELTA, WEIGHTS, DeltaManifest
from model_pipeline.cli import main
from tests.model_pipeline.fix.conftest import WORDS


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def fixed(case, tiny_base, tiny_weights, tmp_path_factory):
    """A forced fix of a few steps: (folder with delta and report, hashes of the base before)."""
    out = tmp_path_factory.mktemp("fixed")
    before = hashes(tiny_base)
    code = main(
        [
            *("fix", "--complaint", str(case), "--base", str(tiny_base), "--laboratory", str(tiny_weights)),
            *("--transcript", WORDS, "--steps", "40", "--rank", "4", "--force", "--samples", "2"),
            *("--out", str(out / "delta.lfd"), "--json", str(out / "fix.json")),
        ]
    )
    assert code == 0
    return out, before


def test_the_base_is_never_changed(fixed, tiny_base):
    assert hashes(tiny_base) == fixed[1]


def test_the_delta_merges_into_the_weights_it_promises(fixed, tiny_base, tmp_path):
    out, _ = fixed
    (tmp_path / "delta").mkdir()
    manifest = archive.extract(out / "delta.lfd", tmp_path / "delta", DeltaManifest)
    merged = merge_file(tiny_base / WEIGHTS, read_factors(tmp_path / "delta" / DELTA), tmp_path / WEIGHTS)
    assert merged == manifest.result_weights_sha256
    assert manifest.base_weights_sha256 == package.load(tiny_base).manifest.weights_sha256
    assert manifest.model_id == f"tiny-{merged[:12]}"
    assert len(manifest.self_test.tokens) == len(package.load(tiny_base).manifest.self_test.tokens)


def test_the_report_names_outcome_hashes_and_both_sides(fixed):
    report = json.loads((fixed[0] / "fix.json").read_text())
    assert report["outcome"] in {"improved", "no-improvement"}
    assert report["delta"].endswith("delta.lfd")
    assert set(report["complaint_voice"]) == set(report["replay"]) == {"before", "after"}
    assert report["training"]["history"][0]["step"] == 0


def test_without_an_improvement_no_delta_is_written(case, tiny_base, tiny_weights, tmp_path, capsys):
    code = main(
        [
            *("fix", "--complaint", str(case), "--base", str(tiny_base), "--laboratory", str(tiny_weights)),
            *("--transcript", WORDS, "--steps", "0", "--samples", "1", "--out", str(tmp_path / "delta.lfd")),
        ]
    )
    assert code == 0
    assert not (tmp_path / "delta.lfd").exists()
    assert "outcome: no-improvement" in capsys.readouterr().out


def test_a_complaint_about_other_weights_is_refused(case, tiny_base, tmp_path, capsys):
    other = tmp_path / "case"
    other.mkdir()
    for name in ("clip.mp4", "voice.wav"):
        (other / name).write_bytes((case / name).read_bytes())
    (other / "complaint.json").write_text(json.dumps({"complaint_id": "x", "weights_sha256": "0" * 64}))
    code = main(["fix", "--complaint", str(other), "--base", str(tiny_base), "--out", str(tmp_path / "d.lfd")])
    assert code == 20
    assert "name the package that the frame had installed" in capsys.readouterr().err


def test_the_clip_is_analysed_from_its_pixels(case, tiny_base, tmp_path):
    code = main(
        [
            *("analyse", "--video", str(case / "clip.mp4"), "--voice", str(case / "voice.wav")),
            *("--model", str(tiny_base), "--transcript", WORDS),
            *("--json", str(tmp_path / "a.json"), "--plot", str(tmp_path / "a.png")),
        ]
    )
    report = json.loads((tmp_path / "a.json").read_text())
    assert code == 0
    assert report["figures"]["frames"] == 100
    assert report["figures"]["found_share"] == 1.0
    assert abs(report["figures"]["voice_start_s"]) <= 0.04
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_silent_voice_is_refused_in_one_sentence(case, tiny_base, tiny_weights, tmp_path, capsys):
    silent = tmp_path / "case"
    silent.mkdir()
    (silent / "clip.mp4").write_bytes((case / "clip.mp4").read_bytes())
    soundfile.write(silent / "voice.wav", np.zeros(32_000), 16_000)
    code = main(
        [
            *("fix", "--complaint", str(silent), "--base", str(tiny_base), "--laboratory", str(tiny_weights)),
            *("--samples", "1", "--steps", "1", "--out", str(tmp_path / "d.lfd")),
        ]
    )
    assert code == 20
    assert "nobody speaks" in capsys.readouterr().err
