"""Imports inside functions are found here and not by the first user of the function."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("device_agent", "fleet_server", "frame_protocol", "model_pipeline")
FOREIGN = {"model_pipeline.npu.compiler": "runs in the NPU compiler's environment alone"}


def lazy_imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield module and name of every import of ours that a function makes."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PARTS:
                    yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("part", PARTS)
def test_what_functions_import_exists(part: str) -> None:
    missing = []
    for path in sorted((ROOT / part).rglob("*.py")):
        for module, name in lazy_imports(path):
            if module in FOREIGN:
                continue
            try:
                found = importlib.import_module(module)
                if not hasattr(found, name):
                    importlib.import_module(f"{module}.{name}")
            except ImportError as error:
                missing.append(f"{path.relative_to(ROOT)}: from {module} import {name}: {error}")
    assert not missing


def test_a_missing_name_is_found(tmp_path: Path) -> None:
    source = tmp_path / "late.py"
    source.write_text("def f():\n    from model_pipeline.progress import pieces, nothing\n", encoding="utf-8")
    assert [name for _, name in lazy_imports(source)] == ["pieces", "nothing"]
