"""The firmware of one frame: which slot runs, how the other is filled, and what the boot loader is told."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from device_agent.errors import UpdateFailed
from device_agent.system import files
from device_agent.update.firmware import boot
from device_agent.update.firmware.trial import Next, Trial, next_step, why_fell_back
from device_agent.update.firmware.variables import BootVariables


class FirmwareInstaller(Protocol):
    """Fills a slot from a verified download."""

    def counter(self, image: Path) -> int:
        """Return the counter that the image carries, 0 for none; UpdateFailed when it cannot be read."""
        ...

    def install(self, image: Path, slot: str) -> None:
        """Leave the slot whole and durable; UpdateFailed when the image is not for this frame or not signed."""
        ...


@dataclass(frozen=True)
class Firmware:
    """What an update needs to know and do about firmware."""

    running: str
    """The slot that this program was started from."""
    version: str
    """The version that runs."""
    counter: int
    """The counter that the image which runs carries; 0: it was built before images carried one."""
    variables: BootVariables
    installer: FirmwareInstaller
    heartbeats: Callable[[], int]
    """How many reports of this start the server has."""
    enough_heartbeats: int
    silent_polls: int
    directory: Path

    def settle(self) -> None:
        """Make durable what a start that was killed has done here."""
        files.settle(self.directory)

    def install(self, image: Path) -> str:
        """Fill the slot that does not run and return its name; the boot loader is told first to stay where it is."""
        self.settle_on(self.running)
        slot = boot.other(self.running)
        self.installer.install(image, slot)
        return slot

    def carried(self, image: Path) -> int:
        """Return the counter that a downloaded image carries; 0: none."""
        return self.installer.counter(image)

    def hand_over(self, slot: str) -> None:
        """Let the boot loader start ``slot`` on trial."""
        if slot == self.running:
            return  # it was handed over, and this is it
        self.variables.save(boot.hand_over(self.variables.load(), slot))

    def settle_on(self, slot: str | None) -> None:
        """Let the boot loader start ``slot`` from now on."""
        if slot is None:
            raise UpdateFailed("the journal has a firmware without the slot it came from; this is a fault of ours")
        self.variables.save(boot.settle_on(self.variables.load(), slot))

    def next_step(self, trial: Trial) -> Next:
        """Return what to do next with a firmware on trial."""
        heard = self.heartbeats() >= self.enough_heartbeats
        return next_step(trial, self.running, self.variables.load(), heard)

    def why_fell_back(self, trial: Trial) -> str:
        """Return why the boot loader went back."""
        return why_fell_back(trial, self.variables.load())
