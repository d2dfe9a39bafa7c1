"""A boot loader for machines that have none: starts the agent of the slot that is to run, again and again.

A stand-in, for tests and demonstrations. What is real: the variables and their rules (``boot``), the image in the
slot, and the agent in the image with its own environment. What is not: the slot is a file that is unpacked where a
device mounts a partition; the slot holds the agent and not a whole Debian; a restart is a process that ends, and
nothing that the kernel holds is lost. Every end of the agent but a wish to stop is a restart, as under a hardware
watchdog.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from device_agent.errors import RESTART_NEEDED, AgentError, StorageError
from device_agent.system import files
from device_agent.system.firmware import SLOT_VARIABLE
from device_agent.system.home import HOME_VARIABLE, Home
from device_agent.update.firmware import boot
from device_agent.update.firmware.variables import VariablesFile

AGENT = Path("opt/liveframe/bin/device-agent")
PAUSE_SECONDS = 0.2
"""Between an agent that crashed and the next start: what a board needs to come up is longer."""

Say = Callable[[str], None]


class StandIn:
    """One machine: its home, and the agent that runs now."""

    def __init__(self, home: Home, say: Say) -> None:
        self._home = home
        self._variables = VariablesFile(home.firmware / "boot.json")
        self._say = say
        self._agent: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def start_once(self, arguments: list[str]) -> int | None:
        """Be the boot loader once; return the agent's exit code, or None when the slot cannot be started."""
        slot, variables = boot.start(self._variables.load())
        self._variables.save(variables)
        count = f", start {variables.bootcount} of {variables.bootlimit}" if variables.upgrade_available else ""
        self._say(f"boot: slot {slot}{count}")
        root = self._mount(slot)
        if root is None:
            return None
        environment = {**os.environ, HOME_VARIABLE: str(self._home.root), SLOT_VARIABLE: slot}
        environment.pop("PYTHONPATH", None)
        try:
            self._agent = subprocess.Popen([str(root / AGENT), *arguments], env=environment)
        except OSError as error:
            self._say(f"boot: slot {slot} holds no agent that runs: {error}")
            return None
        code = self._agent.wait()
        self._agent = None
        self._say(f"boot: the agent of slot {slot} ended with {code}")
        return code

    def run(self, arguments: list[str], most: int | None = None) -> int:
        """Start again until the agent ends of its own will, somebody asks to stop, or ``most`` starts were made."""
        starts = 0
        while most is None or starts < most:
            starts += 1
            code = self.start_once(arguments)
            if self._stopped or code == 0:
                return 0
            if code != RESTART_NEEDED:
                time.sleep(PAUSE_SECONDS)
        return 1

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Pass SIGTERM on, and do not start again."""
        self._stopped = True
        if self._agent is not None:
            self._agent.send_signal(number)

    def _mount(self, slot: str) -> Path | None:
        """Return where the slot's files are; None when it holds no file system."""
        image, root = self._home.firmware / "slots" / slot, self._home.firmware / "mounted" / slot
        files.remove_tree(root)
        files.make_directory(root.parent)
        command = ["unsquashfs", "-quiet", "-no-progress", "-dest", str(root), str(image)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise StorageError("unsquashfs is missing; run: apt-get install squashfs-tools") from None
        if done.returncode != 0:
            self._say(f"boot: slot {slot} does not start: {done.stderr.strip()[-200:]}")
            return None
        return root


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main(argv: list[str] | None = None) -> int:
    """Run the stand-in."""
    parser = argparse.ArgumentParser(
        prog="boot-stand-in",
        description="A boot loader for machines that have none: starts the agent of the slot that is to run.",
        epilog="example:\n  python -m device_agent.update.firmware.stand_in --home frame-1 -- run --poll-every 60",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--home", type=Path, required=True, help="LIVEFRAME_HOME of the frame")
    parser.add_argument("--starts", type=int, metavar="N", help="give up after N starts (default: never)")
    parser.add_argument("agent", nargs="*", default=["run"], help="arguments of device-agent (default: run)")
    arguments = parser.parse_args(argv)
    machine = StandIn(Home(arguments.home.absolute()), _say)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, machine.stop)
    try:
        return machine.run(arguments.agent, arguments.starts)
    except AgentError as error:
        sys.stderr.write(f"boot-stand-in: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
