"""Two statistics that every sampled score is reported with: an interval and a p-value."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959963984540054


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); everything when nothing was tried."""
    if trials == 0:
        return 0.0, 1.0
    share, weight = successes / trials, Z95**2 / trials
    centre = (share + weight / 2) / (1 + weight)
    half = Z95 / (1 + weight) * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def permutation_p_value(
    expected: list[NDArray[np.int64]], actual: list[NDArray[np.int64]], *, rounds: int, rng: np.random.Generator
) -> float:
    """How often expectations dealt at random among the rows of each group are met as often as the true ones.

    Groups are arrays (rows, ...) of the same shape on both sides; a row is met when all of it is equal.
    """

    def met(groups: list[NDArray[np.int64]]) -> int:
        pairs = zip(groups, actual, strict=True)
        return sum(int((e == a).reshape(len(e), -1).all(axis=1).sum()) for e, a in pairs if len(e))

    observed = met(expected)
    as_good = sum(met([e[rng.permutation(len(e))] for e in expected]) >= observed for _ in range(rounds))
    return (1 + as_good) / (1 + rounds)
