"""A model package is taken whole and unaltered, or not at all."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from device_agent.engine import package
from device_agent.errors import ModelError
from tests.device_agent.engine.conftest import change_manifest


def pack(directory: Path, tar: Path, *, extra: tarfile.TarInfo | None = None, skip: str = "") -> Path:
    """Write the tar of an unpacked package, with an extra member or without one file."""
    names = sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())
    names.remove("manifest.json")
    with tarfile.open(tar, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in ["manifest.json", *(n for n in names if n != skip)]:
            data = (directory / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        if extra is not None:
            archive.addfile(extra)
    return tar


def test_a_whole_package_is_unpacked_and_verified(own_package: Path, tmp_path: Path) -> None:
    manifest = package.unpack(pack(own_package, tmp_path / "m.lfm"), tmp_path / "out")
    assert manifest.model_id == package.load(tmp_path / "out").manifest.model_id
    assert (tmp_path / "out" / "vad.onnx").read_bytes() == (own_package / "vad.onnx").read_bytes()


def test_constants_have_the_shapes_of_the_protocol(own_package: Path) -> None:
    constants = package.load(own_package).constants()
    assert constants.points.shape == (478, 3)
    assert constants.opening_map.shape == (4, 64, 64)
    assert constants.codebook.dtype == np.float32


def test_one_changed_byte_is_found(own_package: Path) -> None:
    path = own_package / "decoder.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"decoder\.onnx: its SHA-256"):
        package.verify(own_package)


def test_a_file_that_is_not_listed_is_refused(own_package: Path) -> None:
    (own_package / "extra.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"extra\.bin is not listed"):
        package.verify(own_package)


def test_a_missing_file_is_named(own_package: Path) -> None:
    (own_package / "step.onnx").unlink()
    with pytest.raises(ModelError, match=r"step\.onnx is missing"):
        package.verify(own_package)


def test_a_link_in_place_of_a_file_is_refused(own_package: Path) -> None:
    (own_package / "vad.onnx").rename(own_package.parent / "vad.onnx")
    (own_package / "vad.onnx").symlink_to(own_package.parent / "vad.onnx")
    with pytest.raises(ModelError, match="not a plain file"):
        package.verify(own_package)


def test_a_model_id_that_is_not_that_of_the_weights_is_refused(own_package: Path) -> None:
    change_manifest(own_package, model_id="toy-000000000000")
    with pytest.raises(ModelError, match="model id"):
        package.verify(own_package)


def test_an_absent_package_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="install a model"):
        package.load(tmp_path)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "faces/../../evil", "a//b", ""])
def test_a_name_that_leads_out_of_the_directory_is_refused(own_package: Path, tmp_path: Path, name: str) -> None:
    listing = json.loads((own_package / "manifest.json").read_text())["files"]
    change_manifest(own_package, files={**listing, name: {"length": 1, "sha256": "0" * 64}})
    with pytest.raises(ModelError, match="plain relative name"):
        package.unpack(pack(own_package, tmp_path / "m.lfm"), tmp_path / "out")


def test_a_member_that_is_not_listed_is_refused(own_package: Path, tmp_path: Path) -> None:
    tar = pack(own_package, tmp_path / "m.lfm", extra=tarfile.TarInfo("zzz"))
    with pytest.raises(ModelError, match="does not list"):
        package.unpack(tar, tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_anything_but_a_plain_file_is_refused(own_package: Path, tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("zzz")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(ModelError, match="not a plain file"):
        package.unpack(pack(own_package, tmp_path / "m.lfm", extra=member), tmp_path / "out")


def test_a_member_left_out_is_named(own_package: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'mesh|'faces/mesh\.tflite' was expected"):
        package.unpack(pack(own_package, tmp_path / "m.lfm", skip="faces/mesh.tflite"), tmp_path / "out")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.97])
def test_a_truncated_tar_is_refused(own_package: Path, tmp_path: Path, share: float) -> None:
    tar = pack(own_package, tmp_path / "m.lfm")
    tar.write_bytes(tar.read_bytes()[: int(tar.stat().st_size * share)])
    with pytest.raises(ModelError):
        package.unpack(tar, tmp_path / "out")


def test_a_package_is_never_unpacked_over_another(own_package: Path, tmp_path: Path) -> None:
    tar = pack(own_package, tmp_path / "m.lfm")
    with pytest.raises(ModelError, match="not empty"):
        package.unpack(tar, own_package)


def test_a_listing_of_terabytes_is_refused_before_a_byte_is_written(own_package: Path, tmp_path: Path) -> None:
    listing = json.loads((own_package / "manifest.json").read_text())["files"]
    change_manifest(own_package, files={**listing, "big": {"length": 2**40, "sha256": "0" * 64}})
    with pytest.raises(ModelError, match="at most"):
        package.unpack(pack(own_package, tmp_path / "m.lfm"), tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())
