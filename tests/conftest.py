"""States of the world that several packages' tests start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import broker
from tests.support.broker import Mosquitto
from tests.support.pki import Authority

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The measured data beside the checkout; the test is skipped, with the reason, where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the measured data in {folder}")
    return folder


@pytest.fixture
def free_port() -> int:
    """A TCP port that nobody uses."""
    return broker.free_port()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def mosquitto(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    """A running broker with TLS that keeps nothing over a restart."""
    running = Mosquitto(tmp_path / "broker", authority).start()
    yield running
    running.stop()
