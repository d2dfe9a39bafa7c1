"""The repository speaks of the product, and every command explains itself."""

import argparse
import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = ("device_agent", "fleet_server", "model_pipeline")
MACHINE_PATHS = re.compile("/(?:" + "|".join(("work", "root", "home", "Users", "mnt")) + r")/[A-Za-z]")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [REPOSITORY / name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


def commands(parser: argparse.ArgumentParser, help_text: str) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """Yield every command that can run, with the sentence its parent lists it by."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield parser.prog, parser, help_text
    for group in groups:
        sentences = {choice.dest: choice.help or "" for choice in group._choices_actions}
        for name, child in group.choices.items():
            yield from commands(child, sentences.get(name, ""))


def every_command() -> list[tuple[str, argparse.ArgumentParser, str]]:
    parsers = [importlib.import_module(f"{program}.cli").build_parser() for program in PROGRAMS]
    return [command for parser in parsers for command in commands(parser, "")]


def test_no_tracked_text_holds_a_path_of_one_machine():
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if MACHINE_PATHS.search(line)
        ]
    assert found == []


@pytest.mark.parametrize("command", every_command(), ids=lambda command: command[0])
def test_a_command_has_help_an_example_and_a_documented_function(command):
    name, parser, help_text = command
    program = name.split()[0]
    assert help_text, f"{name} is listed without a sentence"
    assert program in (parser.epilog or ""), f"{name} --help shows no example"
    function = parser.get_default("run")
    assert callable(function), f"{name} runs nothing"
    documented = function.__doc__ or function.__name__.startswith("_")
    assert documented, f"{name}: {function.__qualname__} has no docstring"
    silent = [action.dest for action in parser._actions if not action.help]
    assert silent == [], f"{name}: arguments without help"


def test_every_tracked_package_file_begins_with_what_it_is_for():
    silent = [
        str(path.relative_to(REPOSITORY))
        for path in tracked()
        if path.suffix == ".py"
        and path.relative_to(REPOSITORY).parts[0] in (*PROGRAMS, "frame_protocol", "demo", "packaging")
        and not path.read_text(encoding="utf-8").lstrip().startswith(('"""', 'r"""'))
    ]
    assert silent == []
