"""How large a region may be where: what a measure of disturbances says, and what the search has learnt.

A region at x starts with the square `scale^2 V(x)^-1`, small where something depends on it (`verify.reach.measures`).
Where the search meets an obstacle it is made smaller still (`blame`), and where nothing depends on it, it has a size of
its own. Nothing here has to be sound.
"""

from __future__ import annotations

import numpy as np

from verify.reach.affine import Array
from verify.reach.measures import Measure
from verify.reach.samples import Numbers, Samples

BLAMED = 0.5
TOGETHER = 8  # samples blamed at a time, the nearest
LEAST = 1e-4


class Tolerance:
    """A measure, and a factor per sample that starts at 1."""

    def __init__(self, samples: Samples, measure: Measure) -> None:
        self._samples, self._measure = samples, measure
        self._factor = np.ones(len(samples.states))

    def least(
        self, states: Array, numbers: Numbers, scale: Array, widest: Array, ahead: Numbers
    ) -> tuple[Array, Array]:
        """Squares (batch width width) of the smallest regions at these states of program states (batch), and factors.

        They go `scale` (batch) times as far as is tolerated for so many steps `ahead` (batch), and `widest` (batch)
        spreads where nothing depends on it.
        """
        spread = self._samples.spread
        factors = self._factor[self.near(states, numbers)]
        free = np.eye(len(spread)) / widest[:, None, None] ** 2
        squares = np.linalg.inv(self._measure.at(states, numbers, ahead) / scale[:, None, None] ** 2 + free)
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
