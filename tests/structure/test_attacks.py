"""docs/attacks.md and the attack tests say the same."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")
FOLDER = ROOT / "tests" / "device_agent" / "update" / "attacks"
TUF = {
    "Arbitrary software installation",
    "Endless data",
    "Extraneous dependencies",
    "Fast-forward",
    "Indefinite freeze",
    "Malicious mirrors",
    "Mix-and-match",
    "Rollback",
    "Slow retrieval",
    "Vulnerability to key compromises",
    "Wrong software installation",
}
UPTANE = {
    "Eavesdrop",
    "Drop-request",
    "Slow retrieval",
    "Freeze",
    "Partial bundle installation",
    "Rollback",
    "Endless data",
    "Mixed-bundles",
    "Mix-and-match",
    "Arbitrary software",
}
HONEST = {
    "test_the_honest_way_installs",
    "test_a_clock_that_is_set_forward_denies_for_as_long_as_it_is_wrong_only",
}
"""Tests beside the attacks in which nobody is attacked with a check taken out."""


def rows(section: str) -> list[tuple[str, str]]:
    """Return (attack, test) of a section's table."""
    text = PAGE.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [(cells[0], cells[-1].strip("`")) for cells in found[2:]]


def functions(path: Path) -> dict[str, ast.FunctionDef]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {one.name: one for one in body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}


def takes_a_check_out(test: ast.FunctionDef) -> bool:
    called = [node.func for node in ast.walk(test) if isinstance(node, ast.Call)]
    return any(isinstance(name, ast.Name) and name.id == "without" for name in called)


@pytest.mark.parametrize(
    ("section", "names", "file"), [("TUF", TUF, "test_tuf.py"), ("Uptane", UPTANE, "test_uptane.py")]
)
def test_every_attack_has_a_test_that_takes_its_check_out(section, names, file):
    table, known = rows(section), functions(FOLDER / file)
    assert {attack for attack, _ in table} == names
    assert {test for _, test in table} == known.keys() - HONEST
    assert [name for _, name in table if not takes_a_check_out(known[name])] == []
    for _, name in table:
        assert "guarded" in [argument.arg for argument in known[name].args.args], name


@pytest.mark.parametrize(("what", "test"), rows("What happens to honest frames"))
def test_what_is_said_of_honest_frames_is_tested(what, test):
    path, name = test.split("::")
    assert name in functions(ROOT / path), what


def test_every_path_named_on_the_page_exists():
    for path in re.findall(r"`(tests/[\w/]+\.py)", PAGE):
        assert (ROOT / path).is_file(), path
