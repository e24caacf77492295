"""The set of inputs a claim is about: integer ranges per input component, and lengths; or single inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
CENTRAL = 6
"""Halvings of a domain around its middle, at most, for central inputs."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Input streams whose component `k` lies in `ranges[k] = (low, high)`, ends included.

    `train_length` is the length the network was trained on (the default extent of claims). Where `streams` is false,
    an input is a single step: programs are functions, and the steps of a longer array are inputs of their own.
    """

    ranges: tuple[tuple[int, int], ...]
    train_length: int
    streams: bool = True

    @staticmethod
    def single(ranges: tuple[tuple[int, int], ...]) -> Domain:
        """The domain of a function: one input of these ranges."""
        return Domain(ranges, 1, streams=False)

    @property
    def arity(self) -> int:
        """Number of input components per step."""
        return len(self.ranges)

    @property
    def symbol_count(self) -> int:
        """Number of different inputs at one step."""
        count = 1
        for low, high in self.ranges:
            count *= high - low + 1
        return count

    def symbols(self) -> IntArray:
        """All inputs of one step, of shape (symbol_count, arity), first component most significant."""
        return self.symbols_at(np.arange(self.symbol_count, dtype=np.int64))

    def symbols_at(self, index: IntArray) -> IntArray:
        """The inputs of one step at these positions of `symbols()`, of shape (*index.shape, arity)."""
        columns = []
        for low, high in reversed(self.ranges):
            columns.append(low + index % (high - low + 1))
            index = index // (high - low + 1)
        return np.stack(columns[::-1], axis=-1)

    def draw(self, shape: tuple[int, ...], *, rng: np.random.Generator) -> IntArray:
        """Uniform random inputs of shape (*shape, arity)."""
        columns = [rng.integers(low, high + 1, size=shape, dtype=np.int64) for low, high in self.ranges]
        return np.stack(columns, axis=-1)

    def draw_central(self, count: int, *, rng: np.random.Generator) -> IntArray:
        """Random inputs (count, arity) at every scale: uniform ones, drawn towards the middle by a factor of 1 to 2^-6.

        What a network decides near the middle of a large domain is a small share of uniform inputs.
        """
        lows, highs = np.array(self.ranges, dtype=np.float64).T
        middle = (lows + highs) / 2
        scale = 2.0 ** -rng.uniform(0, CENTRAL, (count, 1))
        drawn = np.rint(middle + scale * (self.draw((count,), rng=rng) - middle))
        return np.clip(drawn, lows, highs).astype(np.int64)

    def word_count(self, length: int) -> int:
        """Number of non-empty words of length up to `length`."""
        return sum(self.symbol_count**k for k in range(1, length + 1))

    def eccentricity(self, inputs: IntArray) -> NDArray[np.float64]:
        """Distance (batch,) of inputs (batch, arity) from the middle of the ranges, each of which counts 1."""
        lows, highs = np.array(self.ranges, dtype=np.float64).T
        return (np.abs(inputs - (lows + highs) / 2) / np.maximum(highs - lows, 1)).sum(axis=1)
