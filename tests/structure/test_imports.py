"""Who may import whom, and what must not be loaded to say how the frame is."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("frame_protocol", "device_agent", "fleet_server", "model_pipeline")

REFUSING = """
import sys

class Refuse:
    refused = ("torch", "flask", "sqlalchemy", "alembic", "cv2", "onnxruntime")

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.refused:
            raise AssertionError(f"{name} was loaded")

sys.meta_path.insert(0, Refuse())
from device_agent.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_the_import_rules_hold():
    result = subprocess.run(
        [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:]


def test_no_module_imports_itself_over_others():
    graph = grimp.build_graph(*PACKAGES)
    imports = {
        module: {other for other in graph.find_modules_directly_imported_by(module) if not related(module, other)}
        for module in graph.modules
    }
    try:
        list(TopologicalSorter(imports).static_order())
    except CycleError as error:
        raise AssertionError(f"modules import each other in a circle: {' -> '.join(error.args[1])}") from error


def related(module: str, other: str) -> bool:
    """A package's __init__ that gathers its own modules is no cycle."""
    return module.startswith(other + ".") or other.startswith(module + ".")


def run_refusing(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", REFUSING, *arguments],
        env={"LIVEFRAME_HOME": str(tmp_path), "PATH": ""},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_status_starts_without_any_heavy_library(tmp_path: Path):
    result = run_refusing(tmp_path, "status")
    assert result.returncode == 0, result.stderr
    assert "not enrolled" in result.stdout


def test_help_starts_without_any_heavy_library(tmp_path: Path):
    result = run_refusing(tmp_path, "--help")
    assert result.returncode == 0, result.stderr


def test_the_hook_does_refuse(tmp_path: Path):
    hook = REFUSING.split("from device_agent", maxsplit=1)[0] + "import cv2"
    result = subprocess.run([sys.executable, "-c", hook], capture_output=True, text=True, check=False)
    assert "cv2 was loaded" in result.stderr
