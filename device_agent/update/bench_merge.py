"""How fast the merge is here: ``python -m device_agent.update.bench_merge [--mb 64] [--rank 16]``."""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from device_agent.update.delta_format import Factors
from device_agent.update.merge import merge_file

WIDTH = 1024


def measure(directory: Path, megabytes: int, rank: int) -> dict[str, float]:
    """Merge a random delta of ``rank`` into ``megabytes`` of random int8 weights; return MB/s and extra memory."""
    random = np.random.default_rng(1)
    rows = (megabytes << 20) // WIDTH
    base, out = directory / "base.safetensors", directory / "out.safetensors"
    _write_base(base, rows)
    factors = Factors(
        down=random.integers(-127, 128, (rank, WIDTH), np.int8),
        up=random.integers(-127, 128, (rows, rank), np.int8),
        mult=random.integers(1, 2**15, rows, np.int32),
        shift=28,
    )
    before = _peak_mb()
    started = time.process_time()
    merge_file(base, {"layer": factors}, out)
    seconds = time.process_time() - started
    return {"megabytes_per_second": megabytes / seconds, "extra_memory_mb": _peak_mb() - before}


def _write_base(path: Path, rows: int) -> None:
    """Write the weights block by block, so that they never count as this process's memory."""
    header = b'{"layer.q":{"dtype":"I8","shape":[%d,%d],"data_offsets":[0,%d]}}' % (rows, WIDTH, rows * WIDTH)
    block = np.random.default_rng(2).integers(-127, 128, (1024, WIDTH), np.int8).tobytes()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for _ in range(rows // 1024):
            file.write(block)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Print one line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=64)
    parser.add_argument("--rank", type=int, default=16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        figures = measure(Path(directory), arguments.mb, arguments.rank)
    sys.stdout.write(
        f"merge with hash, rank {arguments.rank}: {figures['megabytes_per_second']:.0f} MB of weights a CPU second, "
        f"peak memory grew by {figures['extra_memory_mb']:.0f} MB\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
