"""The file tree of a slot: a virtual environment at ``opt/liveframe`` that holds the agent and all it needs.

It is the layout of venv(PEP 405): ``pyvenv.cfg`` beside ``bin/python``, a link to the frame's own Python. So it runs
from wherever its file system is mounted. Nothing in it is compiled on this machine, so the same wheels give the same
tree.
"""

import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fleet_server.errors import ConfigurationError, Invalid
from fleet_server.firmware.description import Facts

PREFIX = Path("opt/liveframe")
FACTS = "firmware.json"
"""What the running agent says of its firmware, at the prefix of its environment."""
PYTHON_VERSION = "3.11"
FRAME_PYTHON = Path("/usr/bin/python3.11")
"""Debian's Python on the frame."""
GLIBC = ("2_17", "2_24", "2_27", "2_28", "2_31", "2_34")
"""manylinux versions of which a Debian 12 frame (glibc 2.36) runs the wheels."""
SCRIPTS = {
    "device-agent": "device_agent.cli",
    "boot-stand-in": "device_agent.update.firmware.stand_in",
}
LAUNCHER = '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/python" -I -m {module} "$@"\n'


@dataclass(frozen=True)
class Content:
    """What goes into a slot."""

    wheel: Path
    """The frame's wheel."""
    dependencies: Path
    """A directory of installed packages, or a lock file with hashes from which pip installs them."""
    machine: str = "aarch64"
    python: Path = FRAME_PYTHON


def lay_out(out: Path, facts: Facts, content: Content) -> None:
    """Fill the new directory ``out`` with the tree."""
    prefix = out / PREFIX
    site = prefix / "lib" / f"python{PYTHON_VERSION}" / "site-packages"
    site.mkdir(parents=True)
    if content.dependencies.is_dir():
        shutil.copytree(content.dependencies, site, symlinks=True, dirs_exist_ok=True)
    else:
        _install(content.dependencies, content.machine, site)
    _unpack(content.wheel, site)
    (prefix / "pyvenv.cfg").write_text(
        f"home = {content.python.parent}\ninclude-system-site-packages = false\nversion = {PYTHON_VERSION}\n"
    )
    _launchers(prefix / "bin", content.python)
    said = {"version": facts.version, "hardware": facts.hardware, "counter": facts.counter}
    (prefix / FACTS).write_bytes(msgspec.json.encode(said))
    _normalise(out)


def _install(lock: Path, machine: str, site: Path) -> None:
    """Let pip put the locked wheels, each compared with its hash, where the tree wants them."""
    platforms = [option for glibc in GLIBC for option in ("--platform", f"manylinux_{glibc}_{machine}")]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--only-binary", ":all:", "--platform", f"manylinux2014_{machine}", *platforms]
    command += ["--python-version", PYTHON_VERSION, "--implementation", "cp", "--target", str(site), "-r", str(lock)]
    if subprocess.run(command, check=False).returncode != 0:
        raise ConfigurationError(f"pip could not install {lock} for {machine}; its own lines above say why")
    shutil.rmtree(site / "bin", ignore_errors=True)


def _unpack(wheel: Path, site: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    except (OSError, zipfile.BadZipFile) as error:
        raise Invalid(f"{wheel} is no wheel: {error}; build it with 'make wheel'") from error
    if not (site / "device_agent" / "cli.py").is_file():
        raise Invalid(f"{wheel} holds no agent; build the frame's wheel with 'make wheel'")


def _launchers(folder: Path, python: Path) -> None:
    folder.mkdir()
    (folder / "python").symlink_to(python)
    for name, module in SCRIPTS.items():
        (folder / name).write_text(LAUNCHER.format(module=module))


def _normalise(tree: Path) -> None:
    """Give every file a mode that does not depend on this machine's umask, and drop what Python compiled."""
    for cache in list(tree.rglob("__pycache__")):
        shutil.rmtree(cache)
    for path in [tree, *tree.rglob("*")]:
        if path.is_symlink():
            continue
        runs = path.is_dir() or path.parent.name == "bin" or bool(path.stat().st_mode & 0o100)
        path.chmod(0o755 if runs else 0o644)
