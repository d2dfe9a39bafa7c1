"""SWUpdate killed at the N-th system call of a kind (strace injects SIGKILL), and the frame after each."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from device_agent.errors import AgentError
from device_agent.update.firmware import boot, container
from device_agent.update.firmware.frame import Firmware
from device_agent.update.firmware.settings import Settings
from device_agent.update.firmware.swupdate import SWUpdate
from device_agent.update.firmware.variables import VariablesFile
from fleet_server.firmware import build, image, signing
from fleet_server.firmware.description import IMAGE, Facts

# A power cut takes every process of SWUpdate; when a call of one is killed alone, ``timeout`` takes the others.
SEED = int(os.environ.get("LIVEFRAME_SEED", "4"))
CALLS = {"write": 40, "openat": 60, "unlink": 3, "read": 60, "clone": 3}
"""System calls that SWUpdate makes, and up to which of each kind a kill is tried."""
POINTS = 12
LONG_POINTS = 400
KILLER = '#!/bin/sh\nexec timeout -s KILL 5 {strace} {program} "$@"\n'
STRACE = "strace -f -qq -o /dev/null -e inject={call}:signal=SIGKILL:when={when}"


@pytest.fixture(scope="module")
def firmware_image(tmp_path_factory) -> tuple[Path, Path]:
    """A signed container of a small file system, and the certificate."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "tree").mkdir()
    (folder / "tree" / "noise").write_bytes(random.Random(1).randbytes(300_000))
    image.squash(folder / "tree", folder / IMAGE)
    signing.make(folder / "key", "secret")
    build.pack(
        Facts("2.0", "dev", ("1.0",)), folder / IMAGE, signing.load(folder / "key", "secret"), folder / "f.swu"
    )
    return folder / "f.swu", folder / "key" / signing.CERTIFICATE


@pytest.mark.parametrize("points", [POINTS, pytest.param(LONG_POINTS, marks=pytest.mark.long)])
def test_a_killed_install_leaves_the_running_slot_and_is_done_again(firmware_image, tmp_path, monkeypatch, points):
    sys.stdout.write(f"LIVEFRAME_SEED={SEED}\n")
    source, certificate = firmware_image
    chance = random.Random(SEED)
    path = os.environ["PATH"]
    program = subprocess.run(["which", "swupdate"], check=True, capture_output=True, text=True).stdout.strip()
    cut = 0
    for number in range(points):
        call = chance.choice(sorted(CALLS))
        when = chance.randint(1, CALLS[call])
        home = tmp_path / str(number)
        (home / "slots").mkdir(parents=True)
        (home / "slots" / "a").write_bytes(b"the firmware that runs")
        firmware = frame(home, certificate)
        killer = home / "bin" / "swupdate"
        killer.parent.mkdir()
        killer.write_text(KILLER.format(strace=STRACE.format(call=call, when=when), program=program))
        killer.chmod(0o755)
        monkeypatch.setenv("PATH", f"{killer.parent}:{path}")
        try:
            firmware.install(source)
        except AgentError:
            cut += 1
        where = f"point {number}: {call} {when}"
        assert (home / "slots" / "a").read_bytes() == b"the firmware that runs", where
        assert boot.start(firmware.variables.load())[0] == "a", where
        monkeypatch.setenv("PATH", path)
        assert firmware.install(source) == "b", where
        assert container.differs(source, home / "slots" / "b") is None, where
    assert cut > points // 4, "most kills came after SWUpdate had ended: the table CALLS is too long"


def frame(home: Path, certificate: Path) -> Firmware:
    settings = Settings(certificate=str(certificate))
    return Firmware(
        running="a",
        version="1.0",
        variables=VariablesFile(home / "boot.json"),
        installer=SWUpdate(home, settings, "dev"),
        heartbeats=lambda: 0,
        enough_heartbeats=2,
        silent_polls=3,
        directory=home,
    )
