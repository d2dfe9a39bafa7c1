"""What a LoRA delta weighs and takes beside general binary deltas: ``make bench-delta``.

The base has the true shape of the `frame` family; two deltas change it, one of the lips alone and one of every linear
layer. Each delta is merged on one core in a process of its own, as a frame does it, hash included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from device_agent.update.delta_format import pack, write_factors
from frame_protocol.model_package import DELTA
from model_pipeline.bench.frame_shape import frame_weights, lip_sync_only, random_factors, write_weights
from model_pipeline.bench.rivals import RIVALS, compare

RANK = 16
RIVALS_SHARE = 0.1
"""bsdiff needs 17 times the old file in memory: 12 GB for the whole package."""
MEGABYTE = 1_000_000
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
MANIFEST_STAND_IN = b'{"v":1,"kind":"model_delta"}'


def main() -> int:
    """Print the figures, and write them where ``--json`` says."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as directory:
        figures = measure(Path(directory), options.share, options.rank)
        if options.rivals_share:
            figures["rivals"] = measure_rivals(Path(directory), options.rivals_share, options.rank)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def measure(work: Path, share: float, rank: int) -> dict[str, object]:
    """Return sizes, speed and memory of our own deltas for ``share`` of the family."""
    weights = frame_weights(share)
    base = work / "base"
    write_weights(base, weights, seed=1)
    size = base.stat().st_size
    figures: dict[str, object] = {"share": share, "package_bytes": size, "rank": rank, "deltas": {}}
    _say(f"weights of {'the' if share == 1 else f'{share:g} of the'} frame family: {size / MEGABYTE:.0f} MB")
    for name, changed in _deltas(weights, share):
        tar = write_delta(work, changed, rank)
        merged = merge(base, work / DELTA, work / "merged")
        entry = {"bytes": tar.stat().st_size, "percent": round(100 * tar.stat().st_size / size, 3), **merged}
        figures["deltas"] = {**_dictionary(figures["deltas"]), name: entry}
        _say(
            f"{name}, rank {rank}: {entry['bytes'] / MEGABYTE:.2f} MB = {entry['percent']:.3f} % of the package; "
            f"merge and hash {merged['megabytes_per_second']:.0f} MB of weights a CPU second, "
            f"{merged['extra_memory_mb']:.0f} MB extra memory"
        )
        (work / "merged").unlink()
    base.unlink()
    return figures


def measure_rivals(work: Path, share: float, rank: int) -> list[dict[str, object]]:
    """Return what general deltas weigh and take on the same pairs, ours beside them."""
    weights = frame_weights(share)
    base, merged = work / "base", work / "merged"
    write_weights(base, weights, seed=1)
    size = base.stat().st_size
    rows: list[dict[str, object]] = []
    _say(f"\nbeside general deltas, on {size / MEGABYTE:.0f} MB ({share:g} of the family):")
    for name, changed in _deltas(weights, share):
        ours = write_delta(work, changed, rank)
        cost = merge(base, work / DELTA, merged)
        row = {"pair": name, "name": "ours", "bytes": ours.stat().st_size, "apply_cpu_seconds": cost["cpu_seconds"],
               "apply_peak_mb": cost["extra_memory_mb"]}  # fmt: skip
        rows.append(row)
        _say(_line(row, size))
        for rival in RIVALS:
            result = compare(rival, base, merged, work)
            if result is None:
                _say(f"  {name:14} {rival.name:22} skipped: {rival.program} is not installed (apt-get install)")
                continue
            row = {"pair": name, "name": result.name, "bytes": result.bytes,
                   "make_cpu_seconds": result.make.cpu_seconds, "make_peak_mb": result.make.peak_mb,
                   "apply_cpu_seconds": result.apply.cpu_seconds, "apply_peak_mb": result.apply.peak_mb}  # fmt: skip
            rows.append(row)
            _say(_line(row, size))
    return rows


def write_delta(work: Path, changed: list[tuple[str, int, int]], rank: int) -> Path:
    """Write a delta of random factors and return its tar."""
    write_factors(work / DELTA, random_factors(changed, rank, seed=2))
    pack(work / "delta.tar", MANIFEST_STAND_IN, {DELTA: work / DELTA})
    return work / "delta.tar"


def merge(base: Path, delta: Path, out: Path) -> dict[str, float]:
    """Merge in a process of its own, on one core; return its figures."""
    command = [sys.executable, "-m", "device_agent.update.bench_merge"]
    arguments = ["--base", str(base), "--delta", str(delta), "--out", str(out)]
    done = subprocess.run([*command, *arguments], env={**os.environ, **ONE_CORE}, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _deltas(weights: list[tuple[str, int, int]], share: float) -> list[tuple[str, list[tuple[str, int, int]]]]:
    return [("lip-sync only", lip_sync_only(weights, share)), ("all linear", weights)]


def _line(row: dict[str, object], size: int) -> str:
    made = f"made in {row['make_cpu_seconds']} s with {row['make_peak_mb']} MB, " if "make_cpu_seconds" in row else ""
    share = 100 * int(str(row["bytes"])) / size
    return (
        f"  {row['pair']:14} {row['name']:22} {int(str(row['bytes'])):10} bytes = {share:6.2f} %, {made}"
        f"applied in {row['apply_cpu_seconds']} s with {row['apply_peak_mb']} MB"
    )


def _dictionary(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="of the family, for ours (default: all of it)")
    parser.add_argument(
        "--rivals-share",
        type=float,
        default=RIVALS_SHARE,
        help="of it, for all; 0: ours alone (default: %(default)g)",
    )
    parser.add_argument("--rank", type=int, default=RANK)
    parser.add_argument(
        "--work", type=Path, help="a directory with room for three packages (default: the temporary one)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
