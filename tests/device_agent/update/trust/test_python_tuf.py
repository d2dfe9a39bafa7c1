"""python-tuf's own updater tests, with its RepositorySimulator, on the frame's trust client and fetcher."""

import re
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
CASES = 58
"""Updater tests of python-tuf 7.0.1 that drive the RepositorySimulator."""


@pytest.fixture
def source(tmp_path) -> Path:
    """The source distribution of the very version that the frame runs, as bootstrap.sh fetched it."""
    archive = Path(sys.prefix) / "src" / f"tuf-{version('tuf')}.tar.gz"
    assert archive.is_file(), f"{archive} is missing; run scripts/bootstrap.sh test"
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / archive.name.removesuffix(".tar.gz")


def test_every_updater_case_of_python_tuf_passes(source):
    command = [sys.executable, "-m", "tests.support.tuf_updater", str(source)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    (count,) = re.findall(r"^Ran (\d+) tests", done.stderr, re.MULTILINE)
    assert int(count) == CASES


def test_a_client_that_trusts_whatever_comes_fails_them(source):
    """The cases are about our client: with its check of timestamps taken out, they fail."""
    spoil = (
        "import runpy, sys; from device_agent.update.trust import client; "
        "client.TrustClient._update_timestamp = lambda self, trusted: trusted.update_timestamp("
        "self._require('timestamp.json', 10**6)); "
        "runpy.run_module('tests.support.tuf_updater', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-c", spoil, str(source)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1 and "test_updater_top_level_update" in done.stderr
