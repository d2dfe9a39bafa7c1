"""The NPU through rknn-toolkit-lite2, the only place that knows the library. Not yet run on a board by us."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from device_agent.errors import ModelError, NpuMissing

COMPATIBLE = Path("/proc/device-tree/compatible")
CHIP = "rk3588"
WARM_RUNS = 5
"""Not counted: the first ones load weights and raise the clock."""


def require_npu(compatible: Path = COMPATIBLE) -> str:
    """Return the board's name from the device tree; raises NpuMissing where the machine has no RK3588."""
    found = compatible.read_bytes().decode("utf-8", "replace").split("\0") if compatible.is_file() else []
    boards = [name for name in found if name]
    if not any(CHIP in name for name in boards):
        raise NpuMissing(
            f"there is no NPU here: {compatible} was expected to name an {CHIP}, "
            f"it {'says ' + ', '.join(boards) if boards else 'is missing'}; run this command on the frame's board"
        )
    return boards[0]


class BoardTimer:
    """Times .rknn files of one folder on one core of the NPU."""

    def __init__(self, folder: Path, runs: int) -> None:
        try:
            from rknnlite.api import RKNNLite
        except ImportError as error:
            raise NpuMissing(
                f"rknn-toolkit-lite2 cannot be loaded ({error}); install its aarch64 wheel into this environment and "
                "librknnrt.so beside the system's libraries"
            ) from error
        self._library, self._folder, self._runs = RKNNLite, folder, runs

    def __call__(self, name: str, inputs: dict[str, list[int]]) -> list[float]:
        """Return the milliseconds of each run; inputs are zeros, which the NPU takes as long for as for others."""
        path = self._folder / name
        if not path.is_file():
            raise ModelError(f"{path} is missing; copy the whole folder of model-pipeline npu --out to the board")
        npu = self._library()
        try:
            self._must(npu.load_rknn(str(path)), f"load {path}")
            self._must(npu.init_runtime(core_mask=self._library.NPU_CORE_0), "start the NPU")
            zeros = [np.zeros(shape, dtype=np.float32) for shape in inputs.values()]
            return [self._once(npu, zeros) for _ in range(WARM_RUNS + self._runs)][WARM_RUNS:]
        finally:
            npu.release()

    @staticmethod
    def _once(npu: Any, inputs: list[Any]) -> float:  # noqa: ANN401 - the library has no types
        begin = time.perf_counter()
        npu.inference(inputs=inputs, data_format="nchw")
        return 1000 * (time.perf_counter() - begin)

    @staticmethod
    def _must(code: int, what: str) -> None:
        if code != 0:
            raise NpuMissing(f"rknn-toolkit-lite2 cannot {what} (code {code}); see dmesg: is there a driver?")
