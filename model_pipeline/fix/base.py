"""The installed base: a model package as a folder or as a tar, never changed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from device_agent.engine import package
from device_agent.errors import AgentError
from model_pipeline.errors import DataMissing, FixError


@contextmanager
def engine_errors() -> Iterator[None]:
    """Translate what the engine refuses (a silent voice, a damaged package) into an error of the laboratory."""
    try:
        yield
    except AgentError as error:
        raise FixError(str(error)) from error


@contextmanager
def opened(base: Path) -> Iterator[Path]:
    """Give the folder of an unpacked package; a tar is unpacked, verified, and its copy removed at the end."""
    if base.is_dir():
        yield base
        return
    if not base.is_file():
        raise DataMissing(f"Expected a model package (.lfm) or its folder at {base}; name one that exists.")
    with tempfile.TemporaryDirectory(prefix="liveframe-base-") as folder:
        directory = Path(folder) / "model"
        directory.mkdir()
        try:
            package.unpack(base, directory)
        except AgentError as error:
            raise DataMissing(str(error)) from error
        yield directory
