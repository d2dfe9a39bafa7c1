"""States of the world: published releases, a fleet, a running rollout, a server with a director."""

import pytest

from fleet_server.signing.director import Director
from tests.support.repository import hold_ceremony
from tests.support.rollouts import published, run


@pytest.fixture
def releases(database):
    """Three published releases: a base, a delta to it, and a newer base."""
    rows = [
        published("base", 1, result_weights_sha256="b" * 64),
        published("fix", 2, base_weights_sha256="b" * 64, result_weights_sha256="c" * 64),
        published("next", 3, result_weights_sha256="d" * 64),
    ]
    with database.transaction() as session:
        session.add_all(rows)


@pytest.fixture
def fleet_of(new_frame):
    def make(number):
        return [new_frame(f"SER-{index:04d}").frame_id for index in range(number)]

    return make


@pytest.fixture
def rollout(database, releases, frame):
    """A running rollout of the base to one frame."""
    return run(database, "base", frames=(frame.frame_id,))


@pytest.fixture(scope="module")
def ceremony_dir(tmp_path_factory):
    return hold_ceremony(tmp_path_factory.mktemp("keys") / "ceremony")


@pytest.fixture
def director(config, ceremony_dir):
    """The server has a director."""
    Director(config.tuf_dir).install(ceremony_dir / "server")
