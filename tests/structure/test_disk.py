"""What changes the disk of a frame goes through ``device_agent.system.disk``, so that the crash tests can see it."""

import ast
from pathlib import Path

AGENT = Path(__file__).resolve().parents[2] / "device_agent"

CHANGES = {
    "write_bytes", "write_text", "mkdir", "makedirs", "rmdir", "removedirs", "unlink", "remove", "rename",
    "renames", "rmtree", "symlink", "symlink_to", "hardlink_to", "link", "touch", "copyfile", "copy2",
    "copytree", "move", "chmod", "fsync", "fdatasync", "ftruncate", "truncate", "pwrite", "mkstemp",
    "mkdtemp", "save_file",
}  # fmt: skip
EXEMPT = {
    "system/disk.py": "is the seam",
    "system/lock.py": "a lock's content says nothing that must survive",
    "telemetry/store.py": "moves a damaged SQLite file aside; SQLite keeps its own promises",
    "engine/commands.py": "writes where a person said",
    "npu/commands.py": "the same",
    "engine/measurement.py": "the same",
    "engine/video/frames.py": "memory shared with the encoder",
    "engine/video/worker.py": "the encoder's own file: a video that is lost is rendered again",
    "engine/video/writer.py": "the same",
    "engine/video/libav.py": "the same",
    "update/delta_format.py": "writes deltas in the laboratory only",
}


def changes(tree: ast.AST) -> list[str]:
    """Calls in a module that change a disk, by line."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        owner = called.value.id if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) else ""
        if owner in ("disk", "file", "files") and name not in ("write_bytes", "write_text"):
            continue
        path_replace = name == "replace" and isinstance(called, ast.Attribute) and len(node.args) == 1
        if name in CHANGES or (path_replace and not node.keywords) or (name == "open" and writes(node)):
            found.append(f"line {node.lineno}: {name}")
    return found


def writes(call: ast.Call) -> bool:
    """Whether an ``open`` may write."""
    modes = [node.value for node in [*call.args, *(keyword.value for keyword in call.keywords)]
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
    return any(set(mode) & set("wax+") and set(mode) <= set("rwaxbt+") for mode in modes)


def test_nothing_changes_the_disk_past_the_seam():
    offenders = {
        str(path.relative_to(AGENT)): found
        for path in sorted(AGENT.rglob("*.py"))
        if str(path.relative_to(AGENT)) not in EXEMPT and (found := changes(ast.parse(path.read_text())))
    }
    assert offenders == {}


def test_an_exemption_that_is_not_needed_is_taken_away():
    idle = [
        name for name in EXEMPT if name != "system/disk.py" and not changes(ast.parse((AGENT / name).read_text()))
    ]
    assert idle == []


def test_the_check_sees_what_it_should():
    seen = changes(
        ast.parse("path.write_bytes(b'')\npath.replace(other)\nos.fsync(1)\npath.open('r+b')\n'a'.replace('b', 'c')")
    )
    assert seen == ["line 1: write_bytes", "line 2: replace", "line 3: fsync", "line 4: open"]
