"""An installer that fails: with a reason it is believed, without one it is asked once more."""

import os
from pathlib import Path

import pytest

from device_agent.errors import StorageError, UpdateFailed
from device_agent.update.firmware import tool

WORDS = tool.Words("ERROR", "all is well")


@pytest.fixture
def installer(tmp_path):
    """Makes a program of shell lines; each run is a line in ``runs``."""

    def make(*lines: str) -> Path:
        path = tmp_path / "installer"
        path.write_text("\n".join(["#!/bin/sh", "echo run >> runs", *lines]) + "\n")
        path.chmod(0o755)
        return path

    return make


def run(path: Path) -> str:
    return tool.run([str(path)], path.parent, os.environ, WORDS)


def runs(path: Path) -> int:
    return len((path.parent / "runs").read_text().splitlines())


def test_a_silent_failure_is_tried_once_more(installer):
    path = installer("[ $(wc -l < runs) = 2 ] || exit 1", "echo done")
    assert run(path) == "done\n" and runs(path) == 2


def test_an_installer_that_never_says_why_is_given_up(installer):
    path = installer("echo nothing of note", "exit 1")
    with pytest.raises(UpdateFailed, match="it failed and said nothing"):
        run(path)
    assert runs(path) == tool.ATTEMPTS


def test_its_word_for_success_is_believed_over_its_exit_code(installer):
    path = installer("echo all is well", "exit 1")
    assert run(path) == "all is well\n" and runs(path) == 1


@pytest.mark.parametrize("said", ["all is well, almost", "all is well'; echo '[ERROR] : another board"])
def test_a_word_that_is_not_quite_success_or_comes_with_a_complaint_is_not(installer, said):
    path = installer(f"echo '{said}'", "exit 1")
    with pytest.raises(UpdateFailed):
        run(path)


def test_a_reason_is_believed_at_once(installer):
    path = installer("echo '[ERROR] : the image is for another board' >&2", "exit 1")
    with pytest.raises(UpdateFailed, match="the image is for another board"):
        run(path)
    assert runs(path) == 1


def test_an_installer_that_is_killed_says_nothing_about_the_release(installer):
    path = installer("kill -9 $$")
    with pytest.raises(StorageError, match="signal 9"):
        run(path)
    assert runs(path) == 1
