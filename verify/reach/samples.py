"""States sampled from runs of a network beside its program, by program state, and one step linearised at states.

Everything is measured in units of `spread` (width), and nothing here has to be sound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from verify.domain import IntArray
from verify.reach.affine import Array, Form
from verify.reach.cells import margins, step
from verify.reach.table import ProgramTable
from verify.weights import Weights

Numbers = NDArray[np.int64]

STEP = 1e-7
BEND = 0.5  # a disturbance of this many spreads is as bad as a wrong output
SYMBOLS = 16  # continuations of a large alphabet that are followed
GRAIN = 200  # samples told apart, per spread
MOST_ENTRIES = 16_000_000  # of the matrices of all samples and symbols


class Samples:
    """Network `states` (count width) with program states `numbers`, met on `words` (count time) of symbol positions.

    Those that agree when rounded to a small part of a spread are one.
    """

    def __init__(self, weights: Weights, table: ProgramTable, spread: Array, words: IntArray) -> None:
        self.spread, self._weights, self._table = spread, weights, table
        picked = np.linspace(0, len(weights.features) - 1, min(SYMBOLS, len(weights.features)))
        self.symbols: list[int] = picked.astype(int).tolist()
        most = max(MOST_ENTRIES // (len(picked) * len(spread) ** 2), 1)
        self.states, self.numbers = self._sampled(words, most)
        self._trees = {
            number: (KDTree(self.states[rows] / spread), rows)
            for number in sorted(set(self.numbers.tolist()))
            for rows in [np.nonzero(self.numbers == number)[0]]
        }

    def near(self, states: Array, numbers: Numbers) -> Numbers:
        """Per state (batch width) of program states (batch) the sample that speaks for it."""
        near = np.zeros(len(states), dtype=np.int64)
        for number in np.unique(numbers).tolist():
            if number in self._trees:
                tree, rows = self._trees[number]
                at = numbers == number
                near[at] = rows[np.atleast_1d(tree.query(states[at] / self.spread)[1])]
        return near

    def neighbours(self, state: Array, number: int, most: int) -> Numbers:
        """The samples nearest to a state (width)."""
        if number not in self._trees:
            return np.zeros(1, dtype=np.int64)
        tree, rows = self._trees[number]
        return rows[np.atleast_1d(tree.query(state / self.spread, k=min(most, len(rows)))[1])]

    def linearised(self, states: Array, numbers: Numbers, symbol: int) -> tuple[Array, Array, Numbers]:
        """Per state: the square of one step's effects, its Jacobian in spreads, and the sample nearest to its end.

        Effects (the leads of the read-out, and the state itself) count 1 where they are as bad as a wrong output.
        """
        generators = np.repeat(STEP * np.diag(self.spread)[None], len(states), axis=0)
        image, _ = step(self._weights, Form(states, generators, np.zeros_like(states)), symbol, 0)
        jacobian = (image.generators / STEP).transpose(0, 2, 1) / self.spread[:, None]
        steps = [self._table.step(number, symbol) for number in numbers.tolist()]
        local = jacobian.transpose(0, 2, 1) @ jacobian / BEND**2
        for outputs in sorted({out for _, out in steps}):
            rows = np.array([row for row, (_, out) in enumerate(steps) if out == outputs])
            leads = margins(self._weights, image.rows(rows), outputs)
            slopes = leads.generators / STEP / np.maximum(leads.centre, 1e-6)[:, None]
            local[rows] += slopes @ slopes.transpose(0, 2, 1)
        return local, jacobian, self.near(image.centre, np.array([number for number, _ in steps]))

    def _sampled(self, words: IntArray, most: int) -> tuple[Array, Numbers]:
        first = self._weights.initial[None]
        state, number = np.repeat(first, len(words), axis=0), np.zeros(len(words), dtype=np.int64)
        states, numbers = [state[:1]], [number[:1]]
        for symbols in words.T:
            after = state.copy()
            for symbol in np.unique(symbols):
                rows = symbols == symbol
                after[rows] = step(self._weights, _points(state[rows]), int(symbol), 0)[0].centre
            number = np.array([self._table.step(n, s)[0] for n, s in zip(number.tolist(), symbols.tolist())])
            state = after
            states.append(state)
            numbers.append(number)
        every, which = np.concatenate(states), np.concatenate(numbers)
        cells = np.column_stack([which, np.round(GRAIN * every / self.spread)])
        kept = np.unique(cells, axis=0, return_index=True)[1]
        kept = kept[np.linspace(0, len(kept) - 1, min(len(kept), most)).astype(np.int64)]
        return every[kept], which[kept]


def _points(states: Array) -> Form:
    return Form(states, np.zeros((len(states), 1, states.shape[1])), np.zeros_like(states))
