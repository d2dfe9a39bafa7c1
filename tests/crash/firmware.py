"""Firmware for the crash tests: two slots of files, a boot loader's variables, and an installer as SWUpdate is one.

The installer writes the slot in place and unsynced; the agent's own part, which is cut here, is what comes after.
"""

from pathlib import Path

from device_agent.system import disk, files
from device_agent.update.firmware import boot, container
from device_agent.update.firmware.boot import SLOTS
from device_agent.update.firmware.frame import Firmware
from device_agent.update.firmware.variables import VariablesFile

SHIPPED = b"firmware 1"
HEARD = 2
"""Heartbeats that the server has; the crash tests do not wait for any."""


def provision(home: Path, shipped: bytes = SHIPPED) -> None:
    """What the factory does: firmware in slot a, something old in the other."""
    for slot, content in zip(SLOTS, (shipped, b"firmware 0"), strict=True):
        path = home / "firmware" / "slots" / slot
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def counter_of(content: str) -> int:
    """Return the counter that an image carries: "firmware 2" has 2, and what says nothing like it has none."""
    number = content.removeprefix("firmware ")
    return int(number) if number.isdigit() else 0


class Machine:
    """The part of a frame that is not the agent: its boot loader, its slots, its installer."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "firmware"
        self._variables = VariablesFile(self._folder / "boot.json")

    @property
    def exists(self) -> bool:
        """Whether this frame has slots."""
        return self._folder.is_dir()

    def runs(self) -> str:
        """Return what would be started now."""
        return self._content(boot.start(self._variables.load())[0]) if self.exists else ""

    def start(self) -> Firmware | None:
        """Be the boot loader; return what the program that it starts knows of the firmware."""
        if not self.exists:
            return None
        slot, variables = boot.start(self._variables.load())
        self._variables.save(variables)
        return Firmware(
            running=slot,
            version=self._content(slot),
            counter=counter_of(self._content(slot)),
            variables=self._variables,
            installer=self,
            heartbeats=lambda: HEARD,
            enough_heartbeats=HEARD,
            silent_polls=1,
            directory=self._folder,
        )

    def counter(self, image: Path) -> int:
        """Read the description."""
        return container.counter(image)

    def install(self, image: Path, slot: str) -> None:
        """Fill the slot: half and half, in place; then what the agent adds to every installer, the sync."""
        offset, length = container.image(image)
        target, data = self._folder / "slots" / slot, image.read_bytes()[offset : offset + length]
        with files.disk_errors(f"cannot fill {target}"):
            with disk.create(target) as out:
                out.write(data[: len(data) // 2])
                out.write(data[len(data) // 2 :])
            disk.sync_file(target)

    def _content(self, slot: str) -> str:
        return (self._folder / "slots" / slot).read_bytes().decode(errors="replace")
