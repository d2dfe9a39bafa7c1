"""What the frame knows about its update, on disk and whole at every moment."""

from enum import StrEnum
from pathlib import Path

import msgspec

from device_agent.errors import StorageError
from device_agent.system import files
from frame_protocol.updates import HealthFigures, Line, Release, UpdateReport, UpdateState

CLOSED_KEPT = 64
"""Finished orders that are remembered, so that a server that repeats one is not obeyed twice."""


class Place(StrEnum):
    """Where artefacts are installed: each place has two slots and a link to the active one.

    In the order of activation: a song pack is never active without the model that came with it. Going back is done
    in the opposite order.
    """

    MODEL = "model"
    CONTENT = "content"


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What an order changes in one place."""

    slot: str
    """Where the new version is installed."""
    previous: str | None
    """What was active before, to go back to; None: nothing."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The order being worked on; what becomes known on the way is filled in."""

    order_id: str
    release: str
    line: Line
    manifest: Release | None = None
    """The trusted manifest, from ``downloading`` on: what was verified once installs even if its metadata expires."""
    moves: dict[Place, Move] = {}
    """What it changes, from ``installed`` on."""
    weights_sha256: str | None = None
    """The integer weights that the frame runs with it."""
    wrong_hashes: int = 0
    """Artefacts that arrived whole and wrong."""
    tries: int = 0
    """Starts of the new version before it was kept."""
    firmware_slot: str | None = None
    """The slot that holds the release's firmware, from ``installed`` on."""
    previous_firmware_slot: str | None = None
    """The slot that was started before, to go back to."""
    firmware_counter: int | None = None
    """The counter that the container of that firmware says, 0 for none; None: not filled, or by an older agent."""
    health: HealthFigures | None = None
    """What the new firmware's self-test measured, while its first heartbeats are waited for."""
    silent_polls: int = 0
    """Polls of the new firmware at which the server had not yet enough of its heartbeats."""
    verdict: str = ""
    """Why it must go back; written before going back, so that a power cut cannot change the mind."""


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """Content of ``journal.json``."""

    v: int = 1
    state: UpdateState = UpdateState.IDLE
    order: Order | None = None
    unsent: tuple[UpdateReport, ...] = ()
    """Reports of states reached, written in the same instant as the state, until the outbox has them."""
    kept_counters: dict[Line, int] = {}
    """The highest counter kept, by line: the frame never goes below."""
    closed: tuple[str, ...] = ()
    """Order ids that ended kept, reverted or refused, oldest first."""


def load(path: Path) -> Journal:
    """Return the journal, or an idle one when there is none yet."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Journal()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}; check the disk") from error
    try:
        return msgspec.json.decode(data, type=Journal)
    except msgspec.MsgspecError as error:
        raise StorageError(
            f"{path} is damaged ({error}): the active model is untouched; delete the file to begin updates anew"
        ) from error


def save(path: Path, journal: Journal) -> None:
    """Replace the journal, durably."""
    files.atomic_write(path, msgspec.json.encode(journal))
