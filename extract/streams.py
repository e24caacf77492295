"""Long words for training in pieces: many streams side by side, each at its own place in its own word.

Half of the words are uniform, half structured (`verify.words`). A word that ends, by chance or at its full length, is
followed by a fresh one. Whoever trains carries the memory from piece to piece and clears it where a word begins, so
that gradients stay within a piece while the network meets states it takes hundreds of steps to reach (truncated
backpropagation, Williams & Peng 1990).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from verify.domain import Domain, IntArray
from verify.words import draw_mixed

Truth = Callable[[IntArray], IntArray]
"""Outputs (batch time arity) wanted for inputs (batch time arity)."""

PIECES = 20
ENDING = 0.1  # share of the words that end after a piece
FEWEST = 24  # words drawn at a time, so that every structure is among them


class Streams:
    """`count` words with the outputs wanted, read `span` steps at a time."""

    def __init__(self, domain: Domain, truth: Truth, count: int, span: int, *, rng: np.random.Generator) -> None:
        self._domain, self._truth, self._span, self._rng = domain, truth, span, rng
        self._words = self._drawn(count)
        self._wanted = truth(self._words)
        self._place = np.zeros(count, dtype=np.int64)

    def piece(self) -> tuple[IntArray, Tensor]:
        """The next inputs of every word (count span arity), and the outputs wanted."""
        at = (self._place[:, None] * self._span + np.arange(self._span))[:, :, None]
        inputs, wanted = (np.take_along_axis(each, at, axis=1) for each in (self._words, self._wanted))
        return inputs, torch.from_numpy(wanted)

    def advance(self) -> Tensor:
        """Go on to the next piece; a column (count 1) with 0 where a fresh word begins, else 1."""
        self._place += 1
        ended = np.nonzero((self._place == PIECES) | (self._rng.random(len(self._place)) < ENDING))[0]
        self._place[ended] = 0
        if len(ended):
            self._words[ended] = self._drawn(len(ended))
            self._wanted[ended] = self._truth(self._words[ended])
        kept = torch.ones(len(self._place), 1)
        kept[ended] = 0.0
        return kept

    def _drawn(self, count: int) -> IntArray:
        words = draw_mixed(self._domain, max(count, FEWEST), PIECES * self._span, rng=self._rng)
        return words[self._rng.permutation(len(words))[:count]]
