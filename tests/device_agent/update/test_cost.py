"""What interruptions cost on a metered line: every byte on the wire is counted, headers included."""

import hashlib

import httpx
import numpy as np

from device_agent.update.fetch import Fetcher
from device_agent.update.retry import RetryPolicy
from tests.support.wire import Wire

LENGTH = 24 * 1024 * 1024
INTERRUPTIONS = 100
EXTRA_SHARE = 0.02


def test_a_hundred_interruptions_cost_two_percent_at_most(published, served, tmp_path):
    random = np.random.default_rng(8)
    content = random.bytes(LENGTH)
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"models/one/{sha256}.one.tar"
    target = published.repository.targets / name
    target.parent.mkdir(parents=True)
    target.write_bytes(content)
    wire = Wire(
        int(served.url.rpartition(":")[2]), iter(random.integers(1, 2 * LENGTH // 110, INTERRUPTIONS).tolist())
    )
    with httpx.Client() as client:
        fetcher = Fetcher(client, f"{wire.url}/tuf/targets", policy=RetryPolicy(base_seconds=0.0))
        fetcher.download(name, tmp_path / "part", LENGTH, sha256)
    wire.close()
    assert (tmp_path / "part").read_bytes() == content
    assert wire.connections == INTERRUPTIONS + 1
    assert wire.up + wire.down < LENGTH * (1 + EXTRA_SHARE)
