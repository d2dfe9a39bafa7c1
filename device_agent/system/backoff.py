"""How long to wait before trying again: doubling, capped, with jitter so that a fleet does not come back as one."""


def delay(attempt: int, *, first: float, longest: float) -> float:
    """Return the seconds before try ``attempt`` (0 is the first retry), without jitter."""
    doubled = first
    for _ in range(attempt):
        doubled *= 2
        if doubled >= longest:
            return longest
    return min(doubled, longest)


def jittered(seconds: float, random: float) -> float:
    """Spread a delay over half to all of itself; ``random`` is from 0 up to 1."""
    return seconds * (0.5 + 0.5 * random)
