"""What the compiler prints when it is verbose: one line for each operation, then its plan of the memory."""

import re
from collections import Counter
from dataclasses import dataclass

from model_pipeline.errors import ToolFailed

HEADER = "Network Layer Information Table"
BORDER = ("InputOperator", "OutputOperator")
"""Not operations: where tensors pass between the program and the NPU's own layout."""
_LAYER = re.compile(
    r"\] (?P<id>\d+)\s+(?P<op>\S+)\s+(?P<dtype>\S+)\s+(?P<target>NPU|CPU|GPU)\s+\S+\s+\S+\s+"
    r"(?P<ddr>\d+)/(?P<npu>\d+)/(?P<total>\d+)\s+(?P<kb>\d+)"
)
_MEMORY = re.compile(r"Total (Internal|Weight) Memory Size: ([\d.]+)KB")


@dataclass(frozen=True)
class Layer:
    """One operation as the compiler placed it."""

    op: str
    dtype: str
    target: str
    ddr_cycles: int
    npu_cycles: int
    total_cycles: int
    traffic_kb: int


@dataclass(frozen=True)
class Estimate:
    """The compiler's estimate of one graph."""

    layers: tuple[Layer, ...]
    internal_kb: float
    weight_kb: float

    def count(self, target: str) -> int:
        """Operations placed on ``target``; the borders count nowhere."""
        return sum(layer.target == target for layer in self.layers)

    def figures(self) -> dict[str, object]:
        """Return the sums, as the report holds them. The compiler leaves attention, norms and moves at 0 cycles."""
        return {
            "npu_operations": self.count("NPU"),
            "cpu_operations": self.count("CPU") + self.count("GPU"),
            "cpu_operation_types": sorted({layer.op for layer in self.layers if layer.target != "NPU"}),
            "operations_by_type": dict(sorted(Counter(layer.op for layer in self.layers).items())),
            "operations_without_cycles": sum(layer.total_cycles == 0 for layer in self.layers),
            "ddr_cycles": sum(layer.ddr_cycles for layer in self.layers),
            "npu_cycles": sum(layer.npu_cycles for layer in self.layers),
            "total_cycles": sum(layer.total_cycles for layer in self.layers),
            "ddr_traffic_kb": sum(layer.traffic_kb for layer in self.layers),
            "internal_memory_kb": self.internal_kb,
            "weight_memory_kb": self.weight_kb,
        }


def read(log: str) -> Estimate:
    """Read the last table of a build's log; raises ToolFailed where there is none."""
    _, found, table = log.rpartition(HEADER)
    layers = tuple(
        Layer(m["op"], m["dtype"], m["target"], int(m["ddr"]), int(m["npu"]), int(m["total"]), int(m["kb"]))
        for m in _LAYER.finditer(table)
        if m["op"] not in BORDER
    )
    memory = {name: float(size) for name, size in _MEMORY.findall(table)}
    if not found or not layers or set(memory) != {"Internal", "Weight"}:
        raise ToolFailed(
            f"the compiler's log holds no {HEADER!r} with memory sizes; it is another version of rknn-toolkit2 than "
            "requirements/rknn-toolkit.lock names: run scripts/bootstrap.sh rknn"
        )
    return Estimate(layers, memory["Internal"], memory["Weight"])
