"""docs/updates.md says what the code says: states, arrows, kinds, and every sentence that a person may be shown."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from frame_protocol.updates import TRANSITIONS, ArtefactKind, UpdateState
from tests.structure.test_protocol_page import rows

REPOSITORY = Path(__file__).resolve().parents[2]
AGENT = REPOSITORY / "device_agent"
PAGE = (REPOSITORY / "docs" / "updates.md").read_text(encoding="utf-8")

GAP = "…"
DECIDING = ("update/checks.py", "update/permission.py", "update/firmware/trial.py")
"""Modules in which a returned sentence is the answer."""
ACTING = (
    "update/machine.py", "update/updater.py", "update/offers.py", "update/installers.py", "update/places.py",
    "update/song_packs.py", "update/merge.py", "update/delta_format.py", "update/safetensors_file.py",
    "engine/archive.py", "engine/package.py", "engine/selftest.py", "update/firmware/container.py",
    "update/firmware/rauc.py", "update/firmware/swupdate.py", "update/firmware/tool.py",
)  # fmt: skip
"""Modules in which an error, or an argument of ``refuse``, ``condemn`` or ``abandon``, becomes the reason."""
TELLING = {"refuse", "condemn", "abandon", "UpdateFailed", "ModelError"}
NOT_SHOWN = "this is a fault of ours"
"""An error with these words ends the program instead of an order."""


def sentence(node: ast.AST) -> str | None:
    """Return a text of the code with a gap for each expression, or None for what is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
    return None


def returned(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None and (text := sentence(node.value)):
            yield text


def told(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in TELLING:
                yield from filter(None, map(sentence, node.args))


def reasons(module: str) -> set[str]:
    """Every sentence of a module that may be shown as a reason."""
    tree = ast.parse((AGENT / module).read_text(encoding="utf-8"))
    found = returned(tree) if module in DECIDING else told(tree)
    return {text for text in found if NOT_SHOWN not in text}


@pytest.mark.parametrize("module", [*DECIDING, *ACTING])
def test_every_reason_of_the_code_is_on_the_page(module):
    found = reasons(module)
    assert found, f"{module} has no reason any more; take it out of this test"
    assert sorted(text for text in found if f"`{text}`" not in PAGE) == []


def test_no_reason_of_the_page_has_left_the_code():
    shown = {
        text
        for title in ("When it waits", "Why it was refused", "Why it went back")
        for line in PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0].splitlines()
        if line.startswith("| `")
        for text in re.findall(r"`([^`]+)`", line.split(" | ")[0])
    }
    known = set().union(*map(reasons, (*DECIDING, *ACTING)))
    assert sorted(shown - known) == []


def test_every_module_that_can_end_an_order_is_read():
    """A new file with an UpdateFailed or ModelError belongs into the lists above, or is named here with a reason."""
    never_a_reason = {
        "errors.py": "defines them",
        "update/window.py": "what a person typed for the maintenance window",
        "app.py": "the agent's own poll",
        "cli.py": "no order is open",
        "update/commands.py": "exit code of a command",
        "update/firmware/frame.py": "a fault of ours",
    }
    telling = {
        str(path.relative_to(AGENT))
        for path in [*AGENT.glob("*.py"), *(AGENT / "update").rglob("*.py")]
        if re.search(r"raise (UpdateFailed|ModelError)\(", path.read_text(encoding="utf-8"))
    }
    assert telling - {*ACTING, *DECIDING} <= set(never_a_reason)


def test_the_arrows_of_the_picture_are_those_of_the_code():
    picture = PAGE.split("```mermaid\n", 1)[1].split("```", 1)[0]
    drawn = {(a, b) for a, b in re.findall(r"^\s+(\w+) --> (\w+)", picture, re.MULTILINE)}
    assert drawn == {(before.value, after.value) for before, afters in TRANSITIONS.items() for after in afters}


def test_every_state_and_every_kind_has_its_line():
    assert [row[0].strip("`") for row in rows(PAGE, "state")] == [state.value for state in UpdateState]
    assert {row[0].strip("`") for row in rows(PAGE, "kind")} == {kind.value for kind in ArtefactKind}


def test_what_the_page_quotes_from_the_log_is_said_somewhere():
    """The third column of "When something is in the way": texts of the agent, parts of them at least."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in AGENT.rglob("*.py"))
    sources += (REPOSITORY / "fleet_server" / "devices" / "service.py").read_text(encoding="utf-8")
    for row in rows(PAGE, "what happened"):
        for text in re.findall(r"`([^`]+)`", row[3]):
            if not text.startswith(("device-agent", "Retry-After")):
                assert text in sources, text
