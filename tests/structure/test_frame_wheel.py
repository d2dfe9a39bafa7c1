"""The wheel that goes to customers' homes: the agent and the contract, nothing of server or laboratory."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = REPOSITORY / "packaging" / "frame"
INFO_FILES = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE", "licenses/NOTICE"}

REFUSING = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "flask", "sqlalchemy", "alembic"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuse())
import importlib, pkgutil, device_agent, frame_protocol
for package in (device_agent, frame_protocol):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
print(device_agent.__file__)
"""


def build(folder: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(PROJECT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


def test_it_holds_the_two_packages_whole_and_nothing_else(wheel: Path):
    expected = {
        path.relative_to(REPOSITORY).as_posix()
        for package in ("device_agent", "frame_protocol")
        for path in (REPOSITORY / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = zipfile.ZipFile(wheel).namelist()
    info = {name.split(".dist-info/")[1] for name in names if ".dist-info/" in name}
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert info == INFO_FILES
    assert "device_agent/packaging/liveframe-agent.service" in names


def test_it_names_what_the_frame_needs_and_no_server_or_training_library(wheel: Path):
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
    metadata = Parser().parsestr(archive.read(name).decode())
    needed = {
        line.split("[")[0].split("=")[0].split(">")[0].split("<")[0] for line in metadata.get_all("Requires-Dist")
    }
    assert {"msgspec", "paho-mqtt", "onnxruntime", "tuf"} <= needed
    assert 'pi-heif; extra == "heic"' in metadata.get_all("Requires-Dist")
    assert metadata.get_all("Provides-Extra") == ["heic"]
    assert not needed & {"torch", "flask", "sqlalchemy", "alembic", "mediapipe"}


def test_the_same_sources_give_the_same_bytes(wheel: Path, tmp_path: Path):
    assert build(tmp_path).read_bytes() == wheel.read_bytes()


def test_installed_alone_it_runs_and_every_module_loads_without_the_servers_libraries(wheel: Path, tmp_path: Path):
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    installer = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*installer, str(wheel)], check=True)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = tmp_path / "venv" / "bin" / "python"
    loaded = subprocess.run([python, "-I", "-c", REFUSING], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.strip() == str(site / "device_agent" / "__init__.py")
    shown = subprocess.run(
        [python, "-I", "-m", "device_agent.cli", "--help"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert shown.returncode == 0
    assert "exit codes" in shown.stdout
    stranger = subprocess.run(
        [python, "-I", "-c", "import fleet_server"], capture_output=True, cwd=tmp_path, check=False
    )
    assert stranger.returncode != 0
