"""A fleet with two releases, and one check that can be taken out of the frame."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.attacked import World
from tests.support.tiny_models import TinyModel, make_model


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> list[TinyModel]:
    """Four models: two that people release, two of the attacker's."""
    return [make_model(tmp_path_factory.mktemp(f"model-{seed}"), seed) for seed in range(4)]


@pytest.fixture
def world(tmp_path, ceremony_dir) -> Iterator[World]:
    made = World(tmp_path, ceremony_dir)
    yield made
    made.stop()


@pytest.fixture(params=[True, False], ids=["guarded", "without its check"])
def guarded(request) -> bool:
    """Whether the check that an attack meets is in place; without it the attack must succeed."""
    return request.param


@pytest.fixture
def without(guarded, monkeypatch) -> Callable[..., None]:
    """Take a check out of the frame, unless this is the run with all checks in place."""

    def take_out(owner: object, name: str, instead: object) -> None:
        if not guarded:
            monkeypatch.setattr(owner, name, instead)

    return take_out
