"""Bases of positional notation: m such that a function of one number x is simple in x div m and x mod m.

The table as a matrix (x div m, x mod m) then has a low rank: 1 for a product of what the two digits give, 2 for a sum.
A linear function has rank 2 for every m; what counts is a rank below that of most other m.
"""

from __future__ import annotations

import numpy as np

from verify.domain import IntArray

LARGEST = 64
MOST = 3
LOW_RANK = 2


def bases(answers: IntArray) -> tuple[int, ...]:
    """The few bases of lowest rank for the answers to a range of consecutive numbers from 0, none if all are alike."""
    ranks: dict[int, int] = {}
    for m in range(2, min(LARGEST, len(answers) // 2) + 1):
        rows = len(answers) // m
        ranks[m] = int(np.linalg.matrix_rank(answers[: rows * m].reshape(rows, m).astype(np.float64)))
    low = [m for m, rank in ranks.items() if rank <= LOW_RANK and rank < min(m, len(answers) // m)]
    return tuple(sorted(low, key=lambda m: (ranks[m], m))[:MOST]) if 2 * len(low) < len(ranks) else ()
