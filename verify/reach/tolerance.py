"""How large a region may be where: what disturbances do there, and what the search has learnt.

A region at x starts with the square `scale^2 V(x)^-1`, small where something depends on it (`verify.reach.measures`).
Where the search meets an obstacle it is made smaller still (`blame`), and where nothing depends on it, it has a size of
its own. Nothing here has to be sound.
"""

from __future__ import annotations

import numpy as np

from verify.reach.affine import Array
from verify.reach.samples import Numbers, Samples

BLAMED = 0.5
TOGETHER = 8  # samples blamed at a time, the nearest
LEAST = 1e-4


class Tolerance:
    """What disturbances do (`effects`, a matrix per sample), and a factor per sample that starts at 1."""

    def __init__(self, samples: Samples, effects: Array) -> None:
        self._samples, self._effects = samples, effects
        self._factor = np.ones(len(samples.states))

    def least(self, states: Array, numbers: Numbers, scale: Array, widest: Array) -> tuple[Array, Array]:
        """Squares (batch width width) of the smallest regions at these states of program states (batch), and factors.

        They go `scale` (batch) times as far as is tolerated, and `widest` (batch) spreads where nothing depends on it.
        """
        spread = self._samples.spread
        near = self.near(states, numbers)
        factors = self._factor[near]
        free = np.eye(len(spread)) / widest[:, None, None] ** 2
        squares = np.linalg.inv(self._effects[near] / scale[:, None, None] ** 2 + free)
        return squares * (factors[:, None, None] ** 2 * np.outer(spread, spread)), factors

    def blame(self, states: Array, numbers: Numbers, factors: Array) -> Numbers:
        """Make regions near these states (batch width) of these program states smaller; the samples blamed.

        Smaller than those that were made with these `factors` (batch): what has been learnt since is not learnt again.
        """
        blamed = list[Numbers]()
        for state, number, factor in zip(states, numbers.tolist(), factors.tolist()):
            near = self._samples.neighbours(state, number, TOGETHER)
            self._factor[near] = np.minimum(self._factor[near], max(BLAMED * factor, LEAST))
            blamed.append(near)
        return np.unique(np.concatenate(blamed))

    def near(self, states: Array, numbers: Numbers) -> Numbers:
        """Per state (batch width) the sample that speaks for it."""
        return self._samples.near(states, numbers)
