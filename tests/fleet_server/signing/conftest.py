"""A token of software: SoftHSM, as Debian packages it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pkcs11
import pytest

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")


@pytest.fixture(scope="session")
def softhsm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tokens lie; one for the whole process, for the library reads its settings once."""
    assert LIBRARY.is_file(), "SoftHSM is missing; run: apt-get install softhsm2"
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    return folder


def init_token(label: str, pin: str) -> None:
    """Make a token, and let a library that is loaded already see it."""
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", pin, "--pin", pin]
    subprocess.run(command, check=True, capture_output=True)
    pkcs11.lib(str(LIBRARY)).reinitialize()


@pytest.fixture
def new_token(softhsm: Path) -> Callable[[str, str], None]:
    """Make a token of a label with a PIN."""
    return init_token


@pytest.fixture
def softhsm(softhsm_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Name the library and its settings to whoever asks."""
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm_folder / "softhsm2.conf"))
    monkeypatch.setenv("PYKCS11LIB", str(LIBRARY))
    yield softhsm_folder
