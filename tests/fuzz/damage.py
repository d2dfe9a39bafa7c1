"""Damages bytes as flash, memory and bad proxies do. Always the same for the same dice."""

from random import Random

SINGLE_FLIP_SHARE = 0.7
MAX_FLIPS = 16
MAX_RUN = 600


def damaged(data: bytes, random: Random) -> bytes:
    """Return ``data`` with a flipped bit, several, a run of zeros, or its end missing; never equal to ``data``."""
    while (result := _one(data, random)) == data:
        pass
    return result


def _one(data: bytes, random: Random) -> bytes:
    if random.random() < SINGLE_FLIP_SHARE:
        return _flipped(data, random, 1)
    kind = random.randrange(4)
    if kind == 0:
        return _flipped(data, random, random.randint(2, MAX_FLIPS))
    start = random.randrange(len(data))
    end = min(len(data), start + random.randint(1, MAX_RUN))
    if kind == 1:
        return data[:start] + bytes(end - start) + data[end:]
    if kind == 2:
        return data[:start]
    return data[:start] + data[start:end] + data[start:]


def _flipped(data: bytes, random: Random, count: int) -> bytes:
    result = bytearray(data)
    for _ in range(count):
        result[random.randrange(len(result))] ^= 1 << random.randrange(8)
    return bytes(result)
