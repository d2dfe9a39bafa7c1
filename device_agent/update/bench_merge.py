"""How fast the merge is here: ``python -m device_agent.update.bench_merge --base FILE --delta FILE``."""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from device_agent.update.delta_format import read_factors
from device_agent.update.merge import merge_file

STATUS = Path("/proc/self/status")
MEGABYTE = 1_000_000


def measure(base: Path, delta: Path, out: Path) -> dict[str, float | str]:
    """Merge ``delta`` into ``base``; return the speed in MB of weights a CPU second, and the memory it took."""
    before = _peak_mb()
    started = time.process_time()
    factors = read_factors(delta)
    merged = time.process_time()
    weights_sha256 = merge_file(base, factors, out)
    seconds = time.process_time() - started
    changed = sum(part.weight_shape[0] * part.weight_shape[1] for part in factors.values())
    return {
        "megabytes_per_second": round(base.stat().st_size / MEGABYTE / seconds, 1),
        "changed_megabytes": round(changed / MEGABYTE, 1),
        "read_seconds": round(merged - started, 3),
        "cpu_seconds": round(seconds, 2),
        "extra_memory_mb": round(_peak_mb() - before, 1),
        "weights_sha256": weights_sha256,
    }


def _peak_mb() -> float:
    """Return the most memory that this program has had, in MB."""
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    return 0.0


def main() -> int:
    """Print the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="a model's weights.safetensors")
    parser.add_argument("--delta", type=Path, required=True, help="a delta.safetensors for it")
    parser.add_argument("--out", type=Path, help="where the result is kept (default: nowhere)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        figures = measure(arguments.base, arguments.delta, arguments.out or Path(directory) / "merged")
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
