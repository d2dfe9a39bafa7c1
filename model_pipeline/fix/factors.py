"""LoRA factors as the integers of a model delta (docs/protocol.md, "Model delta"). Pure numpy.

acc[o,i] = sum_r up[o,r] * down[r,i];   q'[o,i] = clip(q[o,i] + round_half_even(acc * mult[o] / 2^shift), -127, 127)
"""

import numpy as np

from device_agent.update.delta_format import Factors

INT8_MAX = 127

MULT_BITS = 23
"""The largest multiplier fills this many bits: with |acc| < 2^24 the product stays below 2^47, exact in float64."""

MAX_SHIFT = 40
"""A larger shift would only hold updates that round to nothing."""


def steps_of(factors: Factors) -> np.ndarray:
    """Return the update in steps of the INT8 weight, before rounding, float64 [out, in]."""
    acc = factors.up.astype(np.int64) @ factors.down.astype(np.int64)
    return np.asarray(acc * factors.mult[:, None].astype(np.float64) / 2.0**factors.shift)


def quantise_factors(up: np.ndarray, down: np.ndarray) -> Factors:
    """Return the integers nearest to ``up @ down``, an update counted in steps of the INT8 weight.

    The product is first written along its singular directions: strong ones then take the high bits of each output's
    row, and what the rounding of ``down`` loses is made up for by refitting ``up`` to the rounded rows.
    """
    left, right = _balanced(np.asarray(up, np.float64), np.asarray(down, np.float64))
    tops = np.abs(right).max(axis=1)
    down_q = np.rint(right / np.where(tops > 0, tops, 1.0)[:, None] * INT8_MAX)
    refitted = np.linalg.lstsq(down_q.T, right.T @ left.T, rcond=None)[0].T
    row_tops = np.abs(refitted).max(axis=1)
    up_q = np.rint(refitted / np.where(row_tops > 0, row_tops, 1.0)[:, None] * INT8_MAX)
    mult, shift = _fixed_point(row_tops / INT8_MAX)
    return Factors(down_q.astype(np.int8), up_q.astype(np.int8), mult, shift)


def _balanced(up: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return factors of the same product with orthonormal rows on the right, strongest first."""
    left_basis, left = np.linalg.qr(up)
    right_basis, right = np.linalg.qr(down.T)
    turned, strengths, directions = np.linalg.svd(left @ right.T, full_matrices=False)
    return left_basis @ (turned * strengths), directions @ right_basis.T


def _fixed_point(gains: np.ndarray) -> tuple[np.ndarray, int]:
    """Return integer multipliers and the shared shift for real ``gains`` per output."""
    largest = float(gains.max(initial=0.0))
    if largest <= 0.0:
        return np.zeros(len(gains), np.int32), 0
    shift = int(np.clip(MULT_BITS - 1 - np.floor(np.log2(largest)), 0, MAX_SHIFT))
    return np.rint(gains * 2.0**shift).astype(np.int32), shift
