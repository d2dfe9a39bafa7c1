"""All places of a frame together: a release fills the spare slot of each place that it changes, then swaps the links.

What decides when is ``updater``; how one artefact fills a slot, ``installers``; this file keeps the places in step.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from device_agent.errors import ModelError, StorageError, UpdateFailed
from device_agent.system import files
from device_agent.update.installers import PLACES, ModelTools, installers, self_tests
from device_agent.update.journal import Move, Place
from device_agent.update.slots import Slots
from frame_protocol.updates import Artefact, HealthFigures, Release

Moves = Mapping[Place, Move]


class Places:
    """The slots of every place."""

    def __init__(self, slots: Mapping[Place, Slots], tools: ModelTools, work: Path) -> None:
        self._slots = slots
        self._tools = tools
        self._work = work
        self._installers = installers(tools)
        self._self_tests = self_tests(tools)

    def settle(self) -> None:
        """Make durable what a start that was killed has done here."""
        for slots in self._slots.values():
            slots.settle()

    def install(self, release: Release, downloads: Path, weights: str | None) -> tuple[Moves, str | None]:
        """Fill and sync the spare slots; return what is to be swapped, and the weights that will run then.

        ``weights`` are those that run now. Raises UpdateFailed or ModelError when an artefact cannot be installed or
        the weights are not as promised; every active version stays as it was.
        """
        changed = {PLACES[artefact.kind] for artefact in _placed(release)}
        moves = {place: self._move(place) for place in _in_order(changed)}
        staging = {place: self._slots[place].prepare(move.slot) for place, move in moves.items()}
        try:
            weights = self._fill(release, downloads, moves, staging) or weights
            _check_promise(release, weights)
        except (StorageError, ModelError, UpdateFailed):
            for directory in staging.values():
                files.remove_tree(directory)
            raise
        for place, move in moves.items():
            self._slots[place].commit(move.slot)
        return moves, weights

    def have_begun(self, moves: Moves) -> bool:
        """Whether a link was swapped already, by a start that was cut."""
        return any(self._slots[place].active() == move.slot for place, move in moves.items())

    def swap(self, moves: Moves) -> None:
        """Activate every new version; done twice it changes nothing."""
        for place in _in_order(moves):
            self._slots[place].activate(moves[place].slot)

    def go_back(self, moves: Moves) -> None:
        """Activate every previous version."""
        for place in reversed(_in_order(moves)):
            self._slots[place].activate(moves[place].previous)

    def self_test(self, moves: Moves, *, with_model: bool = False) -> HealthFigures:
        """Let every new version pass its self-test, ``with_model`` the active model too, if there is one.

        The figures are those of the place that measures.
        """
        directories = {place: self._slots[place].path(moves[place].slot) for place in _in_order(moves)}
        active = self._slots[Place.MODEL].active()
        if with_model and active is not None:
            directories[Place.MODEL] = self._slots[Place.MODEL].path(active)
        figures = [self._self_tests[place](directory) for place, directory in directories.items()]
        return next((found for found in figures if found != HealthFigures()), HealthFigures())

    def take_shipped(self, shipped: Path) -> Moves:
        """Fill the spare model slot with the shipped model, a tar, and try it; the active one stays as it was."""
        models = self._slots[Place.MODEL]
        move = self._move(Place.MODEL)
        self._tools.unpack(shipped, models.prepare(move.slot))
        models.commit(move.slot)
        self._tools.self_test(models.path(move.slot))
        return {Place.MODEL: move}

    def reset(self, moves: Moves) -> None:
        """Activate what ``take_shipped`` returned; a frame is shipped without song packs."""
        self._slots[Place.CONTENT].activate(None)
        self.swap(moves)

    def _move(self, place: Place) -> Move:
        return Move(slot=self._slots[place].spare(), previous=self._slots[place].active())

    def _fill(self, release: Release, downloads: Path, moves: Moves, staging: Mapping[Place, Path]) -> str | None:
        weights = None
        for artefact in _placed(release):
            place = PLACES[artefact.kind]
            previous = moves[place].previous
            base = self._slots[place].path(previous) if previous else None
            install = self._installers[artefact.kind]
            weights = install(downloads / artefact.sha256, base, staging[place], self._work) or weights
        return weights


def _placed(release: Release) -> list[Artefact]:
    """The artefacts that have a place here; a kind that brings its own slots is not among them."""
    return [artefact for artefact in release.artefacts if artefact.kind in PLACES]


def _in_order(places: Iterable[Place]) -> list[Place]:
    """The places in the order of activation."""
    return [place for place in Place if place in set(places)]


def _check_promise(release: Release, weights: str | None) -> None:
    expected = release.result_weights_sha256
    if expected is not None and weights != expected:
        raise UpdateFailed(f"the weights are {(weights or 'none')[:12]}, the release promises {expected[:12]}")
