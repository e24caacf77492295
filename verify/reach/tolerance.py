"""How large a region may be where: an estimate, from sampled runs, of what all continuations make of a disturbance.

At a state x, the matrix V(x) measures a disturbance d as d^T V d: the squares of what it does, linearised, to the
leads of the read-out and to the state itself, on the worst continuation (an observability Gramian, by value iteration
over the samples). A region at x starts with the square `scale^2 V^-1`, small where something depends on it. Where the
search meets an obstacle it is made smaller still (`blame`), and where nothing depends on it, it has a size of its own.
Nothing here has to be sound.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from verify.budget import Deadline
from verify.domain import IntArray
from verify.reach.affine import Array, Form
from verify.reach.cells import margins, step
from verify.reach.table import ProgramTable
from verify.weights import Weights

Numbers = NDArray[np.int64]

STEP = 1e-7
BEND = 0.5  # a disturbance of this many spreads is as bad as a wrong output
SWEEPS = 40
MOST_ENTRIES = 16_000_000  # of the matrices of all samples and symbols
SOON = 16  # continuations of so many steps or fewer are told apart
SYMBOLS = 16  # continuations of a large alphabet that are followed
LARGEST = 1e12
BLAMED = 0.5
TOGETHER = 8  # samples blamed at a time, the nearest
LEAST = 1e-4


class Tolerance:
    """Sampled states with their matrices, in units of `spread` (width); `words` (count time) are symbol positions."""

    def __init__(
        self, weights: Weights, table: ProgramTable, spread: Array, words: IntArray, deadline: Deadline
    ) -> None:
        """Continuations are followed until the deadline."""
        self._spread, self._weights, self._table = spread, weights, table
        picked = np.linspace(0, len(weights.features) - 1, min(SYMBOLS, len(weights.features)))
        most = max(MOST_ENTRIES // (len(picked) * len(spread) ** 2), 1)
        self._states, self._numbers = self._sampled(words, most)
        self._trees = {
            number: (KDTree(self._states[rows] / spread), rows)
            for number in sorted(set(self._numbers.tolist()))
            for rows in [np.nonzero(self._numbers == number)[0]]
        }
        self._squares = self._worst(picked.astype(int).tolist(), deadline)
        self._factor = np.ones(len(self._states))

    def least(self, states: Array, number: int, scale: float, widest: float, ahead: Numbers) -> Array:
        """Squares (batch width width) of the smallest regions at these states of one program state.

        They go `scale` times as far as is tolerated for so many steps `ahead` (batch), and `widest` spreads where
        nothing depends on it.
        """
        near = self._near(states, number)
        width = len(self._spread)
        seen = self._squares[np.clip(ahead, 1, len(self._squares)) - 1, near]
        squares = np.linalg.inv(seen / scale**2 + np.eye(width) / widest**2)
        return squares * (self._factor[near, None, None] ** 2 * np.outer(self._spread, self._spread))

    def blame(self, states: Array, numbers: Numbers) -> Numbers:
        """Make regions near these states (batch width) of these program states smaller; the samples blamed."""
        near = np.unique(np.concatenate([self._neighbours(s, int(n)) for s, n in zip(states, numbers)]))
        self._factor[near] = np.maximum(BLAMED * self._factor[near], LEAST)
        return near

    def _neighbours(self, state: Array, number: int) -> Numbers:
        if number not in self._trees:
            return np.zeros(1, dtype=np.int64)
        tree, rows = self._trees[number]
        return rows[np.atleast_1d(tree.query(state / self._spread, k=min(TOGETHER, len(rows)))[1])]

    def near(self, states: Array, numbers: Numbers) -> Numbers:
        """Per state (batch width) the sample that speaks for it."""
        near = np.zeros(len(states), dtype=np.int64)
        for number in np.unique(numbers).tolist():
            near[numbers == number] = self._near(states[numbers == number], number)
        return near

    def fresh(self) -> Tolerance:
        """The same without blame."""
        twin = copy.copy(self)
        twin._factor = np.ones_like(self._factor)
        return twin

    def _near(self, states: Array, number: int) -> Numbers:
        if number not in self._trees:
            return np.zeros(len(states), dtype=np.int64)
        tree, rows = self._trees[number]
        return rows[np.atleast_1d(tree.query(states / self._spread)[1])]

    def _sampled(self, words: IntArray, most: int) -> tuple[Array, Numbers]:
        state, number = np.repeat(self._weights.initial[None], len(words), axis=0), np.zeros(len(words), dtype=np.int64)
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
        cells = np.column_stack([which, np.round(200 * every / self._spread)])
        kept = np.unique(cells, axis=0, return_index=True)[1]
        kept = kept[np.linspace(0, len(kept) - 1, min(len(kept), most)).astype(np.int64)]
        return every[kept], which[kept]

    def _worst(self, symbols: list[int], deadline: Deadline) -> Array:
        """Value iteration: the local square plus that of the worst next state, seen through the Jacobian.

        For 1, 2, ... steps (step sample width width), and last for many.
        """
        local, jacobian, after = zip(*(self._linearised(symbol) for symbol in symbols))
        square, soon = np.zeros_like(local[0]), list[Array]()
        for sweep in range(SWEEPS):
            nexts = [c + j.transpose(0, 2, 1) @ square[a] @ j for c, j, a in zip(local, jacobian, after)]
            traces = np.stack([np.einsum("bii->b", each) for each in nexts])
            worst = traces.argmax(axis=0)
            square = np.stack(nexts)[worst, np.arange(len(worst))]
            square *= np.minimum(1.0, LARGEST / np.maximum(traces.max(axis=0), 1e-300))[:, None, None]
            if sweep < SOON:
                soon.append(square.copy())
            if deadline.passed:
                break
        return np.stack([*soon, square])

    def _linearised(self, symbol: int) -> tuple[Array, Array, Numbers]:
        """Per sample: the square of one step's effects, its Jacobian in spreads, and the sample nearest to its end."""
        count = len(self._states)
        generators = np.repeat(STEP * np.diag(self._spread)[None], count, axis=0)
        small = Form(self._states, generators, np.zeros_like(self._states))
        image, _ = step(self._weights, small, symbol, 0)
        jacobian = (image.generators / STEP).transpose(0, 2, 1) / self._spread[:, None]
        steps = [self._table.step(number, symbol) for number in self._numbers.tolist()]
        local = jacobian.transpose(0, 2, 1) @ jacobian / BEND**2
        for outputs in sorted({out for _, out in steps}):
            rows = np.array([row for row, (_, out) in enumerate(steps) if out == outputs])
            leads = margins(self._weights, image.rows(rows), outputs)
            slopes = leads.generators / STEP / np.maximum(leads.centre, 1e-6)[:, None]
            local[rows] += slopes @ slopes.transpose(0, 2, 1)
        numbers, after = np.array([number for number, _ in steps]), np.zeros(count, dtype=np.int64)
        for number in np.unique(numbers):
            rows = numbers == number
            after[rows] = self._near(image.centre[rows], int(number))
        return local, jacobian, after


def _points(states: Array) -> Form:
    return Form(states, np.zeros((len(states), 1, states.shape[1])), np.zeros_like(states))
