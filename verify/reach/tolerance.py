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

    def least(self, states: Array, number: int, scale: float, widest: float, ahead: Numbers) -> Array:
        """Squares (batch width width) of the smallest regions at these states of one program state.

        They go `scale` times as far as is tolerated for so many steps `ahead` (batch), and `widest` spreads where
        nothing depends on it.
        """
        spread = self._samples.spread
        near = self._samples.near(states, np.full(len(states), number))
        squares = np.linalg.inv(self._measure.at(states, number, ahead) / scale**2 + np.eye(len(spread)) / widest**2)
        return squares * (self._factor[near, None, None] ** 2 * np.outer(spread, spread))

    def blame(self, states: Array, numbers: Numbers) -> Numbers:
        """Make regions near these states (batch width) of these program states smaller; the samples blamed."""
        pairs = zip(states, numbers.tolist())
        near = np.unique(np.concatenate([self._samples.neighbours(*pair, TOGETHER) for pair in pairs]))
        self._factor[near] = np.maximum(BLAMED * self._factor[near], LEAST)
        return near

    def near(self, states: Array, numbers: Numbers) -> Numbers:
        """Per state (batch width) the sample that speaks for it."""
        return self._samples.near(states, numbers)
