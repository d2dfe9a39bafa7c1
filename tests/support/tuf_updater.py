"""The frame's trust client and fetcher behind the interface of python-tuf's ``Updater``.

So python-tuf's own updater tests, with their RepositorySimulator, can be run on them. Those tests come with its
source distribution (MIT or Apache-2.0) and stay there: ``python -m tests.support.tuf_updater SOURCE`` runs them.
"""

import os
import runpy
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import tuf.ngclient
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    LengthOrHashMismatchError,
    RepositoryError,
)
from tuf.api.metadata import TargetFile
from tuf.ngclient import UpdaterConfig

from device_agent.errors import AgentError, TrustError
from device_agent.update.fetch import Fetcher
from device_agent.update.retry import RetryPolicy
from device_agent.update.trust.client import Bounds, HashedFile, TrustClient
from device_agent.update.trust.store import MetadataStore
from device_agent.update.tuf_client import is_there

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ONE_ATTEMPT = RetryPolicy(attempts=1)
OTHER_HASH = "another hash"
"""What the fetcher says of a file that is as long as it should be."""
TARGETS = "/targets/"
"""The simulator takes names of targets as they are, and names of roles quoted."""
OTHER_LENGTH = "are offered where"
"""What the fetcher says of a file with another length; a frame would ask again at the next poll."""
MODULES = (
    "test_updater_top_level_update", "test_updater_consistent_snapshot", "test_updater_delegation_graphs",
    "test_updater_fetch_target", "test_updater_key_rotations", "test_updater_validation",
)  # fmt: skip


class Updater:
    """What python-tuf's tests ask of an updater."""

    def __init__(  # noqa: PLR0917
        self, metadata_dir, metadata_base_url, target_dir=None, target_base_url=None, fetcher=None, config=None,
        *, bootstrap,
    ):  # fmt: skip
        self.config = config or UpdaterConfig()
        self._directory, self._target_dir, self._target_url = Path(metadata_dir), target_dir, target_base_url
        self._http = httpx.Client(transport=httpx.MockTransport(_answering(fetcher)))
        self._source = Fetcher(self._http, metadata_base_url, policy=ONE_ATTEMPT)
        if bootstrap is None:
            bootstrap = (self._directory / "root.json").read_bytes()
        self._root, self._client = bootstrap, None

    def refresh(self):
        """Follow the client workflow once."""
        config = self.config
        bounds = Bounds(
            config.max_root_rotations, config.max_delegations, config.root_max_length, config.timestamp_max_length,
            config.snapshot_max_length, config.targets_max_length,
        )  # fmt: skip
        self._client = TrustClient(
            OpenedStore(self._directory), self._source, self._root,
            now=lambda: datetime.now(UTC), not_before=LONG_AGO, bounds=bounds,
        )  # fmt: skip
        _as_tuf(self._client.refresh)

    def get_targetinfo(self, path):
        """Return what is signed about a target, or None."""
        if self._client is None:
            self.refresh()
        found = _as_tuf(lambda: self._client.hashed_file(path))
        return None if found is None else Signed(path, found)

    def find_cached_target(self, info, filepath=None):
        """Return where the target lies, if it does with the signed hash."""
        place = self._place(info, filepath)
        return str(place) if is_there(place, info.hashed) else None

    def download_target(self, info, filepath=None, target_base_url=None):
        """Fetch a target, verified, and return where it lies."""
        place, hashed = self._place(info, filepath), info.hashed
        base = target_base_url or self._target_url
        if base is None:
            raise ValueError("target_base_url must be given")
        prefixed = self.config.prefix_targets_with_hash
        fetcher = Fetcher(self._http, base, policy=ONE_ATTEMPT)
        partial = place.with_name(f"{place.name}.part")
        _as_tuf(
            lambda: fetcher.download(
                quote(hashed.stored_name if prefixed else info.path), partial, hashed.length, hashed.digest,
                algorithm=hashed.algorithm,
            )
        )  # fmt: skip
        partial.replace(place)
        return str(place)

    def _place(self, info, filepath):
        if filepath == "":
            raise FileNotFoundError("an empty path names no file")
        if filepath:
            return Path(filepath)
        if self._target_dir is None:
            raise ValueError("target_dir must be set if filepath is not given")
        return Path(self._target_dir, quote(info.path, safe=""))


class OpenedStore(MetadataStore):
    """Reads what is trusted by ``open``, which some of those tests count; what it compares before writing is not."""

    def load(self, role):
        """Return the stored metadata of a role, or None."""
        return _opened(self._path(role))

    def load_root(self, version):
        """Return a stored root, or None."""
        return _opened(self._root_path(version))

    def save_root(self, version, data):
        """Keep a root for ever."""
        MetadataStore(self._directory).save_root(version, data)

    def set_current_root(self, data):
        """Show a root as the current one."""
        MetadataStore(self._directory).set_current_root(data)


def _opened(path):
    try:
        with open(str(path), "rb") as file:  # noqa: PTH123 - it is this function whose calls are counted
            return file.read()
    except FileNotFoundError:
        return None


class Signed(TargetFile):
    """A target as python-tuf's tests look at it, and as the frame does."""

    def __init__(self, path: str, hashed: HashedFile) -> None:
        super().__init__(hashed.length, {hashed.algorithm: hashed.digest}, path)
        self.hashed = hashed


def _answering(fetcher):
    def handle(request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        try:
            body = b"".join(fetcher.fetch(unquote(url) if TARGETS in url else url))
        except DownloadHTTPError as error:
            return httpx.Response(error.status_code)
        return httpx.Response(200, headers={"Content-Length": str(len(body))}, content=iter([body]))

    return handle


def _as_tuf(work):
    """Do ``work``; what the frame refuses is raised as python-tuf raises it."""
    try:
        return work()
    except TrustError as error:
        if isinstance(error.__cause__, RepositoryError):
            raise error.__cause__ from None
        kind = LengthOrHashMismatchError if OTHER_HASH in str(error) else DownloadLengthMismatchError
        raise kind(str(error)) from error
    except AgentError as error:
        kind = LengthOrHashMismatchError if OTHER_LENGTH in str(error) else DownloadError
        raise kind(str(error)) from error


def main() -> None:
    """Run the cases of a source distribution, unpacked at the first argument."""
    sys.path.insert(0, sys.argv[1])
    for name in [n for n in sys.modules if n == "tests" or n.startswith("tests.")]:
        del sys.modules[name]
    tuf.ngclient.Updater = Updater
    os.chdir(sys.argv[1])
    sys.argv = ["unittest", "-v", *(f"tests.{module}" for module in MODULES)]
    runpy.run_module("unittest", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
