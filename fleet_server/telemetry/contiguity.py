"""How far the messages of one boot are settled (pure; docs/protocol.md, "Telemetry", step 4)."""

from collections.abc import Iterable


def highest_settled(settled: int, floor: int, committed: Iterable[int]) -> int:
    """Return the highest sequence number up to which everything is settled.

    ``settled`` is the last answer; everything below ``floor`` counts as settled; ``committed`` are the sequence
    numbers in the database above both, ascending, read only up to the first gap.
    """
    reached = max(settled, floor - 1)
    for seq in committed:
        if seq > reached + 1:
            break
        reached = max(reached, seq)
    return reached
